"""Faces found by the server: the newest frame is sent, and answered within a second or never.

While a frame is under way nothing else is looked at and nothing waits: the camera keeps its
newest frame only, and that one is next. TLS is always verified, redirects are never followed.
"""

import asyncio
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import httpx
import numpy as np

from edge.backoff import delay
from edge.board import Label
from edge.client import rfc3339, trusted, words_of
from edge.pause import LOCKED_OUT_SECONDS
from edge.remote.answers import Named, Trouble, read
from edge.sections import ServerSettings
from edge.types import Box, Face, Pixels
from edge.verdict import Reply

SECONDS = 1.0
"""An answer that takes longer is of a moment that is over."""
MOST_PX = 640
_QUALITY = 85
_MAX_ANSWER_BYTES = 1 << 20
_MOST_NUMBER = 999_999_999
_BY_CHANCE = 2
"""So many failures in a row are no reason yet to leave the server alone."""
_LONGEST_PAUSE_SECONDS = 10.0
Told = Callable[[Box, Label], None]
"""Called for every face that is found: whose it is."""


class _EndlessError(Exception):
    """More is sent than any answer has."""


@dataclass(frozen=True, slots=True)
class _Picture:
    """A frame as it is sent; `scale`: how much larger it was, across and down."""

    jpeg: bytes
    scale: tuple[float, float]


class RemoteDetector:
    """A detector that asks the server; for one thread, `status` for any."""

    def __init__(
        self,
        server: ServerSettings,
        named: Told,
        *,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Raises OSError where the authority's file cannot be read; connects to nobody yet."""
        self._server, self._named, self._seconds = server, named, seconds
        self._clock, self._wall, self._chance = clock, wall, chance
        self._loop = asyncio.new_event_loop()
        key = server.key.text
        self._http = httpx.AsyncClient(
            base_url=server.url,
            headers={"Accept-Encoding": "identity"} | ({"X-API-Key": key} if key else {}),
            timeout=seconds,
            verify=trusted(server),
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(keepalive_expiry=3.0),
        )
        self._number, self._failures, self._pause_until = 0, 0, 0.0
        self._status = "nothing was asked yet"

    def find(self, image: Pixels) -> list[Face]:
        """The faces of a picture of this moment, most confident first; none without an answer."""
        if self._clock() < self._pause_until:
            return []
        found = self._found(_picture(image))
        if isinstance(found, Trouble):
            self._failed(found)
            return []
        self._failures, self._status = 0, "ok"
        for one in found:
            self._named(one.face.box, one.label)
        return [one.face for one in found]

    def status(self) -> str:
        """`ok`, or in some words why no faces come."""
        return self._status

    def close(self) -> None:
        """Lets go of the connection; no frame may be under way."""
        self._loop.run_until_complete(self._http.aclose())
        self._loop.close()

    def _found(self, picture: _Picture) -> list[Named] | Trouble:
        self._number = self._number % _MOST_NUMBER + 1
        request_id = str(uuid.uuid4())
        # Not only between two bytes: all of it, names looked up and heads too, within that time.
        asking = asyncio.wait_for(self._answer(picture.jpeg, request_id), self._seconds)
        try:
            reply = self._loop.run_until_complete(asking)
        except TimeoutError:
            return Trouble("the server did not answer in time")
        except _EndlessError:
            return Trouble("the answer does not end")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Trouble(words_of(error))
        return read(reply, request_id, self._number, picture.scale)

    async def _answer(self, jpeg: bytes, request_id: str) -> Reply:
        said = {"captured_at": rfc3339(self._wall()), "frame": str(self._number)}
        if self._server.device_id:
            said["device_id"] = self._server.device_id
        headers = {"Content-Type": "image/jpeg", "X-Request-ID": request_id}
        body = bytearray()
        async with self._http.stream(
            "POST", "/stream/frames", params=said, content=jpeg, headers=headers
        ) as response:
            async for part in response.aiter_raw():
                body += part
                if len(body) > _MAX_ANSWER_BYTES:
                    raise _EndlessError
        return Reply.of(response.status_code, response.headers, bytes(body))

    def _failed(self, trouble: Trouble) -> None:
        self._failures += 1
        self._status = trouble.word
        if trouble.is_locked_out:
            pause = LOCKED_OUT_SECONDS
        elif trouble.told is None and self._failures <= _BY_CHANCE:
            return
        else:
            failures = max(1, self._failures - _BY_CHANCE)
            pause = min(delay(failures, self._chance(), trouble.told), _LONGEST_PAUSE_SECONDS)
        self._pause_until = self._clock() + pause


def _picture(image: Pixels) -> _Picture:
    height, width = image.shape[:2]
    reduced = min(1.0, MOST_PX / max(height, width))
    size = max(1, round(width * reduced)), max(1, round(height * reduced))
    if size != (width, height):
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    done, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ValueError("the picture cannot be stored as JPEG")
    return _Picture(jpeg.tobytes(), (width / size[0], height / size[1]))
