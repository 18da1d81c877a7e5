"""A server of streams that answers as told, and a detector that asks it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np

from edge.board import Label
from edge.remote.detector import RemoteDetector
from edge.sections import ServerSettings
from edge.types import Box, Pixels
from tests.edge.agent_kit import Clock
from tests.edge.bad_server import Handler

MARKS = {
    "left_eye": [20, 30],
    "right_eye": [40, 30],
    "nose": [30, 40],
    "mouth_left": [20, 50],
    "mouth_right": [40, 50],
}
ADA: dict[str, Any] = {
    "box": {"x": 10, "y": 20, "width": 40, "height": 50},
    "confidence": 0.9,
    "landmarks": MARKS,
    "decision": "match",
    "user_id": "1042",
    "name": "Ada Lovelace",
    "similarity_score": 0.87,
    "threshold": 0.6,
}
STRANGER: dict[str, Any] = {
    **ADA,
    "box": {"x": 100, "y": 20, "width": 30, "height": 40},
    "confidence": 0.95,
    "decision": "no_match",
    "user_id": None,
    "name": None,
    "similarity_score": 0.2,
}


def asked(handler: Handler) -> dict[str, str]:
    """The options of a request."""
    return {name: texts[0] for name, texts in parse_qs(urlsplit(handler.path).query).items()}


def see(handler: Handler, *faces: Any, **more: object) -> None:
    """Kenal's answer."""
    frame = int(asked(handler)["frame"])
    said = {"request_id": handler.event_id, "frame": frame, "age_ms": 9, "faces": list(faces)}
    handler.json(200, {**said, **more})


def picture(width: int = 640, height: int = 480, gray: int = 128) -> Pixels:
    return np.full((height, width, 3), gray, np.uint8)


def pixels(jpeg: bytes) -> Pixels:
    """What was sent."""
    read = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert read is not None
    return np.asarray(read, np.uint8)


class Asking:
    """A detector with clocks of its own, and what it said of faces."""

    def __init__(self, server: ServerSettings, seconds: float) -> None:
        self.clock, self.named = Clock(), list[tuple[Box, Label]]()
        self.detector = RemoteDetector(
            server,
            lambda box, label: self.named.append((box, label)),
            seconds=seconds,
            clock=self.clock,
            chance=lambda: 0.0,
        )


@contextmanager
def asking(server: ServerSettings, seconds: float = 30.0) -> Iterator[Asking]:
    """`seconds`: no slow machine ends the wait in a test."""
    own = Asking(server, seconds)
    with closing(own.detector):
        yield own
