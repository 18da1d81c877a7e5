"""Which face of this frame is which of the frames before: pure, by place and size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge.types import Box, Face, Track

LOST_S = 1.0
_LEAST_OVERLAP = 0.25
_REACH = 0.7
"""How far a face goes between two frames, in widths of it."""
_MOST_GROWTH = 1.8


@dataclass(slots=True)
class _Followed:
    id: int
    face: Face
    frames: int
    started: float
    seen: float


class Tracker:
    """Follows faces; one that is away for up to `lost_s` is still the same."""

    def __init__(self, lost_s: float = LOST_S) -> None:
        self._lost_s = lost_s
        self._followed: list[_Followed] = []
        self._last_id = 0

    def feed(self, faces: Sequence[Face], now: float) -> list[Track]:
        """The tracks of these faces, in their order."""
        self._followed = [one for one in self._followed if now - one.seen <= self._lost_s]
        owners = pair([one.face.box for one in self._followed], [face.box for face in faces])
        before = list(self._followed)
        return [
            self._continued(before[owners[number]], face, now)
            if number in owners
            else self._begun(face, now)
            for number, face in enumerate(faces)
        ]

    def cut(self) -> None:
        """Follows nobody any more: the picture shows something else."""
        self._followed = []

    def _continued(self, one: _Followed, face: Face, now: float) -> Track:
        one.face, one.frames, one.seen = face, one.frames + 1, now
        return Track(one.id, face, one.frames, one.started)

    def _begun(self, face: Face, now: float) -> Track:
        self._last_id += 1
        self._followed.append(_Followed(self._last_id, face, 1, now, now))
        return Track(self._last_id, face, 1, now)


def pair(before: Sequence[Box], after: Sequence[Box]) -> dict[int, int]:
    """Number in `after` to number in `before`, each at most once, closest first."""
    candidates = sorted(
        (-closeness(old, new), new_number, old_number)
        for new_number, new in enumerate(after)
        for old_number, old in enumerate(before)
        if closeness(old, new) > 0
    )
    owners: dict[int, int] = {}
    taken: set[int] = set()
    for _, new_number, old_number in candidates:
        if new_number not in owners and old_number not in taken:
            owners[new_number] = old_number
            taken.add(old_number)
    return owners


def closeness(old: Box, new: Box) -> float:
    """How likely these are one face in two frames: 0 is not, up to 2."""
    growth = math.sqrt((new[2] * new[3]) / max(old[2] * old[3], 1e-6))
    if not 1 / _MOST_GROWTH <= growth <= _MOST_GROWTH:
        return 0.0
    common = overlap(old, new)
    distance = math.dist(center(old), center(new)) / max(old[2], new[2], 1e-6)
    if common < _LEAST_OVERLAP and distance > _REACH:
        return 0.0
    return common + max(0.0, 1.0 - distance)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(0.0, width) * max(0.0, height)
    union = one[2] * one[3] + other[2] * other[3] - common
    return common / union if union > 0 else 0.0


def center(box: Box) -> tuple[float, float]:
    """Its middle."""
    return box[0] + box[2] / 2, box[1] + box[3] / 2
