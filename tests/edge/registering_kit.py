"""Stores, cameras, faces and terminals for tests of registering."""

import argparse
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edge.cameras.file import every_frame
from edge.embedding import Vector
from edge.registering.arguments import add_arguments
from edge.registering.commands import Terminal, run_register
from edge.registering.stored import Known
from edge.registering.types import Embedder, RegisterError, Sample, Store
from edge.sections import Config
from edge.types import Camera, Frame, Landmarks, Pixels

DIMENSIONS = 64


@dataclass
class FakeStore:
    """A gallery in memory."""

    names: dict[str, str] = field(default_factory=dict)
    vectors: dict[str, list[Vector]] = field(default_factory=dict)
    servers: set[str] = field(default_factory=set)
    is_full: bool = False

    def add(self, user_id: str, name: str, vectors: Sequence[Vector]) -> None:
        if self.is_full:
            raise RegisterError("the gallery is full")
        self.names[user_id] = name
        self.vectors.setdefault(user_id, []).extend(vectors)

    def people(self) -> list[Known]:
        return [
            Known(one, name, len(self.vectors.get(one, [])), self._source(one))
            for one, name in self.names.items()
        ]

    def delete(self, user_id: str) -> bool:
        self.vectors.pop(user_id, None)
        return self.names.pop(user_id, None) is not None

    def similarities(self, vectors: Sequence[Vector]) -> list[Mapping[str, float]]:
        known = {one: kept for one, kept in self.vectors.items() if kept}
        return [
            {one: max(float(vector @ other) for other in kept) for one, kept in known.items()}
            for vector in vectors
        ]

    def _source(self, user_id: str) -> str:
        return "server" if user_id in self.servers else "local"


@dataclass
class ColorNetwork:
    """Reads who somebody is from the color at the nose: a person per color cell of 32."""

    threshold: float = 0.6
    asked: int = 0

    def embed(self, image: Pixels, landmarks: Landmarks) -> Vector:
        self.asked += 1
        x, y = landmarks[2]
        color = [int(part) for part in image[int(y), int(x)]]
        blue, green, red = (part // 32 for part in color)
        return vector_of((blue << 6) | (green << 3) | red, noise=sum(color))


def vector_of(person: int, noise: int = 0) -> Vector:
    """Somebody's vector: of two people about 0."""
    made = np.random.default_rng(person).standard_normal(DIMENSIONS)
    made = made / np.linalg.norm(made)
    if noise:
        other = np.random.default_rng(10_000 + noise).standard_normal(DIMENSIONS)
        made = made + 0.2 * other / np.linalg.norm(other)
    return np.asarray(made / np.linalg.norm(made), np.float32)


class ClipCamera:
    """A clip's frames one after another, from one on: its clock is the newest frame's."""

    def __init__(self, clip: Path, first: int = 0, last: int = 10**9) -> None:
        self._frames = (one for one in every_frame(clip) if first <= one.number < last)
        self.now, self.is_open, self._status = 0.0, False, "ok"

    def open(self) -> None:
        self.is_open = True

    def read(self) -> Frame | None:
        frame = next(self._frames, None)
        if frame is None:
            self._status = "ended"
            return None
        self.now = frame.captured_monotonic
        return frame

    def close(self) -> None:
        self.is_open = False

    def status(self) -> str:
        return self._status


@dataclass
class Typed:
    """A terminal whose user answers as told."""

    answers: list[str] = field(default_factory=list)
    out: io.StringIO = field(default_factory=io.StringIO)

    @property
    def said(self) -> str:
        return self.out.getvalue()

    def ask(self, question: str) -> str:
        self.out.write(question)
        return self.answers.pop(0)


def no_camera() -> Camera:
    raise AssertionError("no camera is wanted")


def edge(
    arguments: Sequence[str],
    config: Config,
    embedder: Embedder | None = None,
    store: Store | None = None,
    *,
    camera: Callable[[], Camera] = no_camera,
    answers: Sequence[str] = (),
) -> tuple[int, str]:
    """Runs a command as `python -m edge` will; its status and words."""
    parser = argparse.ArgumentParser()
    add_arguments(parser.add_subparsers(dest="command", required=True))
    typed = Typed(list(answers))
    given = parser.parse_args(list(arguments))
    status = run_register(
        given, config, camera, embedder, store, terminal=Terminal(typed.out, typed.ask)
    )
    return status, typed.said


def samples_of(*jpegs: bytes) -> list[Sample]:
    """Samples without vectors."""
    return [Sample(jpeg) for jpeg in jpegs]


def local_config(folder: Path, model: Path | None, least_face_px: float = 70) -> Config:
    """Registers on the device, with YuNet where it is given."""
    config = Config()
    return replace(
        config,
        outbox=replace(config.outbox, folder=folder / "edge-data"),
        detector=replace(config.detector, model=model),
        gate=replace(config.gate, least_face_px=least_face_px),
        register=replace(config.register, countdown_seconds=0.0),
    )
