"""Frames of live streams: who is in each, at once or never. Nothing of them is kept.

A frame that is not looked at within its second is dropped: the next one is better. All streams
together are one caller among those who wait for a turn, and have half of the places at most.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from core.errors import NotFresh, RateLimited, TooLarge
from core.settings import Settings
from core.types import Face, Vector
from pipeline.analyzer import Analyzer, UnusedFace, UnusedReason
from pipeline.checkins_rules import AHEAD
from pipeline.images.decode import decode
from pipeline.recognizer import Question, Recognizer, Stopwatch, Verdict
from pipeline.turns import Turns

FRESH_SECONDS = 1.0
MAX_FRAME_BYTES = 2_000_000
MAX_FRAME_PIXELS = 4_000_000
MAX_FACES = 10
"""The largest ones of a frame: a crowd would take the time of many frames."""
_CALLER = "/streams"  # no device and no key can be called so


@dataclass(frozen=True, slots=True)
class StreamFrame:
    """A picture of this moment; of each `stream` one is looked at at a time."""

    stream: str
    captured_at: datetime
    photo: bytes


@dataclass(frozen=True, slots=True)
class NamedFace:
    """A face, and whose it is."""

    face: Face
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Sighting:
    """Who is in a frame, largest face first; `age_ms`: of the frame when that was known."""

    faces: Sequence[NamedFace]
    unused: Sequence[UnusedFace]
    age_ms: int
    timings_ms: dict[str, float]


class Streams:
    """Looks at frames. Thread-safe; each process counts its own."""

    def __init__(
        self,
        analyzer: Analyzer,
        recognizer: Recognizer,
        turns: Turns,
        places: Turns,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`turns` are those of all photos, `places` those that streams may take of them."""
        self._analyzer, self._recognizer = analyzer, recognizer
        self._turns, self._places = turns, places
        self._now = now
        self._lock = threading.Lock()
        self._under_way: set[str] = set()

    def look(self, frame: StreamFrame) -> Sighting:
        """Who is in the frame; nobody is an answer too.

        Raises NotFresh where it was not its turn in time, RateLimited while another frame of
        the stream is under way, Crowded, TooLarge and PhotoError.
        """
        if len(frame.photo) > MAX_FRAME_BYTES:
            raise TooLarge("the frame is larger than allowed", {"max_bytes": MAX_FRAME_BYTES})
        watch = Stopwatch()
        with self._alone(frame.stream):
            with self._turn(frame):
                watch.lap("wait")
                faces, unused, vectors = self._seen(frame, watch)
            said = [self._recognizer.search(vector, Question()) for vector in vectors]
            watch.lap("search")
        named = [NamedFace(face, verdict) for face, verdict in zip(faces, said, strict=True)]
        return Sighting(named, unused, round(self._age(frame) * 1000), watch.total())

    def _seen(
        self, frame: StreamFrame, watch: Stopwatch
    ) -> tuple[Sequence[Face], Sequence[UnusedFace], Sequence[Vector]]:
        photo = decode(frame.photo, MAX_FRAME_PIXELS)
        watch.lap("decode")
        found = self._analyzer.detect(photo)
        faces, crowd = found.usable[:MAX_FACES], found.usable[MAX_FACES:]
        unused = [UnusedFace(face.box, UnusedReason.NOT_LARGEST) for face in crowd]
        watch.lap("detect")
        vectors = list(self._analyzer.embed(photo, faces))
        watch.lap("embed")
        return faces, [*unused, *found.unused], vectors

    @contextmanager
    def _alone(self, stream: str) -> Iterator[None]:
        with self._lock:
            if stream in self._under_way:
                raise RateLimited("one frame at a time; send the newest when it is answered", 1)
            self._under_way.add(stream)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(stream)

    @contextmanager
    def _turn(self, frame: StreamFrame) -> Iterator[None]:
        with (
            self._places.turn(frame.stream, self._left(frame)),
            self._turns.turn(_CALLER, self._left(frame)),
        ):
            self._left(frame)
            yield

    def _left(self, frame: StreamFrame) -> float:
        """For how many seconds the frame is still of use; raises NotFresh."""
        age = self._age(frame)
        if not -AHEAD.total_seconds() <= age <= FRESH_SECONDS:
            raise NotFresh(
                "the frame is not of this moment; send the newest one, and set the clock right",
                {"age_ms": round(age * 1000)},
            )
        return min(FRESH_SECONDS - age, FRESH_SECONDS)

    def _age(self, frame: StreamFrame) -> float:
        return (self._now() - frame.captured_at).total_seconds()


def places_of(settings: Settings) -> Turns:
    """What streams may take of the turns of one process, as the settings want it."""
    # Who waits holds a thread: half of the spare ones at most.
    waiting = max(1, settings.threads // 2)
    return Turns(max(1, settings.working_photos // 2), waiting, FRESH_SECONDS)
