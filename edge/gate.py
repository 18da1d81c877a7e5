"""Which frame of whom is sent: one visit is one check-in. Pure: told what was seen, and when."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.quality import Look, at_border, frontal, inside
from edge.tracking import closeness
from edge.types import Box, Frame, Point, Track

OLDEST_S = 1.0
"""An older picture is not chosen, however good: who stood there may have gone."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When somebody is let through; defaults are for a door at arm's length."""

    least_face_px: float = 80
    least_confidence: float = 0.7
    least_sharpness: float = 0.0
    least_frontal: float = 0.25
    steady_s: float = 0.4
    window_s: float = 1.2
    good: float = 0.75
    least_sights: int = 2
    left_s: float = 2.0
    cooldown_s: float = 5.0
    same_look: float = 0.8
    zone: tuple[Point, ...] = ()  # corners as parts of the frame, 0 to 1; none: everywhere


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A followed face in one frame, measured."""

    track: Track
    frame: Frame
    sharpness: float
    look: Look

    @property
    def at(self) -> float:
        """When it was seen."""
        return self.frame.captured_monotonic

    @property
    def width_px(self) -> float:
        """How wide the face is in the picture that is sent."""
        large = self.frame.image if self.frame.large is None else self.frame.large
        return self.track.face.box[2] * large.shape[1] / self.frame.image.shape[1]


@dataclass(slots=True)
class _Waiting:
    since: float
    sights: int = 0
    best: deque[tuple[float, Sight]] = field(default_factory=deque)

    def add(self, score: float, sight: Sight) -> None:
        """Keeps what could still become the best: worse and older never can."""
        while self.best and self.best[-1][0] <= score:
            self.best.pop()
        self.best.append((score, sight))
        self.sights += 1

    def expire(self, now: float) -> None:
        while self.best and now - self.best[0][1].at > OLDEST_S:
            self.best.popleft()


@dataclass(slots=True)
class _Passed:
    look: Look
    box: Box
    at: float
    seen: float


class Gate:
    """Lets each visit's best sight through, once."""

    def __init__(self, rules: Rules | None = None) -> None:
        self._rules = rules or Rules()
        self._waiting: dict[int, _Waiting] = {}
        self._passed: dict[int, _Passed] = {}

    def feed(self, sights: Sequence[Sight], now: float) -> list[Sight]:
        """The sights that go through now; also to be called with none, as time goes on."""
        for sight in sights:
            if self._is_new(sight, now):
                self._wait(sight, now)
        chosen = [sight for track_id in list(self._waiting) if (sight := self._due(track_id, now))]
        for sight in chosen:
            self._passed[sight.track.id] = _Passed(sight.look, sight.track.face.box, now, now)
        self._forget(now)
        return chosen

    def again(self, track_id: int) -> None:
        """Lets this face through once more: the picture that was sent did not do."""
        self._passed.pop(track_id, None)

    def _is_new(self, sight: Sight, now: float) -> bool:
        track = sight.track
        passed = self._passed.get(track.id) or self._came_back(sight)
        if passed is None:
            return True
        self._passed[track.id] = passed
        passed.box, passed.seen = track.face.box, now
        is_alike = float(passed.look @ sight.look) >= self._rules.same_look
        return now - passed.at >= self._rules.cooldown_s and not is_alike

    def _came_back(self, sight: Sight) -> _Passed | None:
        """The visit of a track that was lost a moment ago, where it goes on under a new number."""
        if sight.track.id in self._waiting:
            return None
        for track_id, passed in self._passed.items():
            is_alike = float(passed.look @ sight.look) >= self._rules.same_look
            if passed.seen < sight.at and is_alike and closeness(passed.box, sight.track.face.box):
                return self._passed.pop(track_id)
        return None

    def _wait(self, sight: Sight, now: float) -> None:
        if is_usable(sight, self._rules):
            waiting = self._waiting.setdefault(sight.track.id, _Waiting(now))
            waiting.add(score(sight, self._rules), sight)

    def _due(self, track_id: int, now: float) -> Sight | None:
        waiting, rules = self._waiting[track_id], self._rules
        waiting.expire(now)
        if not waiting.best:
            del self._waiting[track_id]
            return None
        best_score, best = waiting.best[0]
        waited = now - waiting.since
        is_good = waited >= rules.steady_s and best_score >= rules.good
        if waiting.sights < rules.least_sights or not (is_good or waited >= rules.window_s):
            return None
        del self._waiting[track_id]
        return best

    def _forget(self, now: float) -> None:
        kept = self._rules.left_s
        self._passed = {
            track_id: passed
            for track_id, passed in self._passed.items()
            if now - passed.seen <= kept
        }


def is_usable(sight: Sight, rules: Rules) -> bool:
    """Whether this sight may be sent at all."""
    face, (height, width) = sight.track.face, sight.frame.image.shape[:2]
    x, y, box_width, box_height = face.box
    middle = (x + box_width / 2) / width, (y + box_height / 2) / height
    return (
        sight.width_px >= rules.least_face_px
        and face.confidence >= rules.least_confidence
        and sight.sharpness >= rules.least_sharpness
        and frontal(face.landmarks) >= rules.least_frontal
        and not at_border(face.box, width, height)
        and inside(middle, rules.zone)
    )


def score(sight: Sight, rules: Rules) -> float:
    """How well it can be recognized, 0 to 1: from the front before sharp before large."""
    size = min(1.0, sight.width_px / (2 * rules.least_face_px))
    sharp = sight.sharpness / (sight.sharpness + _HALF_SHARP)
    return 0.4 * frontal(sight.track.face.landmarks) + 0.35 * sharp + 0.25 * size


_HALF_SHARP = 100.0
