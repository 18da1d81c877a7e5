"""Which frame of whom is sent: one visit is one check-in. Pure: told what was seen, and when."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.quality import Look, at_border, frontal, inside
from edge.standing import SAME_LOOK, Standing
from edge.tracking import closeness
from edge.types import Box, Frame, Point, Track

OLDEST_S = 1.0
"""An older picture is not chosen, however good: who stood there may have gone."""

_LAST_CHANCE_S = 0.7
_HALF_SHARP = 100.0


@dataclass(frozen=True, slots=True)
class Rules:
    """When somebody is let through; defaults are for a door at arm's length."""

    least_face_px: float = 80
    least_confidence: float = 0.7
    least_sharpness: float = 10.0  # of faces out of focus it was 1 to 8, of others above 80
    least_frontal: float = 0.25
    steady_s: float = 0.4
    window_s: float = 1.2
    good: float = 0.75
    least_sights: int = 2
    left_s: float = 2.0
    cooldown_s: float = 5.0
    same_look: float = SAME_LOOK  # from here on, who comes back at once is taken for the same
    other_look: float = 0.5  # below, who never left is taken for somebody else
    gap_s: float = 0.3
    kept: int = 1  # sights of a visit that are handed on, the best first
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
        return float(self.track.face.box[2] * large.shape[1] / self.frame.image.shape[1])


@dataclass(slots=True)
class _Waiting:
    since: float
    sights: int = 0
    best: deque[tuple[float, Sight]] = field(default_factory=deque)
    others: list[tuple[float, Sight]] = field(default_factory=list)

    def add(self, score: float, sight: Sight, kept: int) -> None:
        """Keeps what could still become the best: worse and older never can."""
        while self.best and self.best[-1][0] <= score:
            self.best.pop()
        self.best.append((score, sight))
        self.sights += 1
        if kept > 1:
            scored = [*self.others, (score, sight)]
            self.others = sorted(scored, key=lambda one: -one[0])[:kept]

    def with_best(self, best: Sight, kept: int) -> tuple[Sight, ...]:
        """The best and the next to it, none too old."""
        return (best, *(one for _, one in self.others if one is not best))[:kept]

    def expire(self, now: float) -> None:
        while self.best and now - self.best[0][1].at > OLDEST_S:
            self.best.popleft()
        self.others = [one for one in self.others if now - one[1].at <= OLDEST_S]


@dataclass(slots=True)
class _Passed:
    look: Look
    last: Look
    box: Box
    at: float
    seen: float


class Gate:
    """Lets each visit's best sight through, once."""

    def __init__(self, rules: Rules | None = None) -> None:
        self._rules = rules or Rules()
        self._waiting: dict[int, _Waiting] = {}
        self._passed: dict[int, _Passed] = {}
        self._standing = Standing()
        self.others: frozenset[int] = frozenset()
        """Tracks of the last sights that may be somebody else than the one last let through."""

    def feed(self, sights: Sequence[Sight], now: float) -> list[tuple[Sight, ...]]:
        """The visits that go through now, each with its best sights, the best first.

        Also to be called with none, as time goes on.
        """
        self._forget(now)
        present = {sight.track.id for sight in sights}
        for sight in sights:
            self._standing.seen(sight.track.id, sight.look, now)
            self._come_back(sight, present)
            if self._is_new(sight, now):
                self._wait(sight, now)
        due = [self._due(track_id, now) for track_id in list(self._waiting)]
        chosen = [sights for sights in due if sights]
        for sight, *_ in chosen:
            look, box = sight.look, sight.track.face.box
            self._passed[sight.track.id] = _Passed(look, look, box, now, now)
            self._standing.passed(sight.track.id, look, sight.at)
        self.others = self._standing.others(present)
        return chosen

    def again(self, track_id: int) -> None:
        """Lets this face through once more: the picture that was sent did not do."""
        self._passed.pop(track_id, None)

    def _is_new(self, sight: Sight, now: float) -> bool:
        passed = self._passed.get(sight.track.id)
        if passed is None:
            return True
        rules, away_s = self._rules, now - passed.seen
        alike = max(float(passed.look @ sight.look), float(passed.last @ sight.look))
        if away_s >= rules.gap_s and alike < rules.same_look:
            # Somebody else stepped into the place of the one who was let through.
            del self._passed[sight.track.id]
            return True
        passed.box, passed.last, passed.seen = sight.track.face.box, sight.look, now
        is_unlike = float(passed.look @ sight.look) < rules.other_look
        is_other = is_unlike or self._standing.is_other(sight.track.id)
        return now - passed.at >= rules.cooldown_s and is_other

    def _come_back(self, sight: Sight, present: set[int]) -> None:
        """A track that was lost a moment ago goes on under a new number."""
        if sight.track.id in self._waiting or sight.track.id in self._passed:
            return
        for track_id, passed in self._passed.items():
            is_alike = float(passed.look @ sight.look) >= self._rules.same_look
            is_there = closeness(passed.box, sight.track.face.box) > 0
            if track_id not in present and is_alike and is_there:
                self._passed[sight.track.id] = self._passed.pop(track_id)
                return

    def _wait(self, sight: Sight, now: float) -> None:
        if is_usable(sight, self._rules):
            waiting = self._waiting.setdefault(sight.track.id, _Waiting(now))
            waiting.add(score(sight, self._rules), sight, self._rules.kept)

    def _due(self, track_id: int, now: float) -> tuple[Sight, ...]:
        waiting, rules = self._waiting[track_id], self._rules
        waiting.expire(now)
        if not waiting.best:
            del self._waiting[track_id]
            return ()
        best_score, best = waiting.best[0]
        waited = now - waiting.since
        is_good = waited >= rules.steady_s and best_score >= rules.good
        # Who looked up for a moment only is sent before that moment is too old.
        is_last_chance = waited >= rules.window_s or now - best.at >= _LAST_CHANCE_S
        if waiting.sights < rules.least_sights or not (is_good or is_last_chance):
            return ()
        del self._waiting[track_id]
        return waiting.with_best(best, rules.kept)

    def _forget(self, now: float) -> None:
        self._standing.forget(now)
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
