"""Whether the face of a track is still the one that was let through; pure.

Tracks are followed by place, so who steps in front of somebody may take over their track. Of two
people's faces 299 in 300 are less alike than `_JUMP`; of one's, a tenth of a second later, 1 in 10
in a film of people who dance.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from edge.quality import Look

SAME_LOOK = 0.8
_JUMP = 0.7
_GAP_S = 0.3
_KEPT_S = 2.0


@dataclass(slots=True)
class _Stands:
    passed: Look
    sure: Look  # the newest that is surely of the one who was let through
    last: Look
    seen: float
    jumped_at: float = float("-inf")
    is_other: bool = False


class Standing:
    """Every track as it was let through, and as it has looked since."""

    def __init__(self) -> None:
        self._stands: dict[int, _Stands] = {}

    def seen(self, track_id: int, look: Look, now: float) -> None:
        """The track as it is now."""
        one = self._stands.setdefault(track_id, _Stands(look, look, look, now))
        least = SAME_LOOK if now - one.seen >= _GAP_S else _JUMP
        has_jumped = not _is_like(look, least, one.last)
        if has_jumped:
            one.jumped_at = now
        if _is_like(look, SAME_LOOK, one.passed, one.sure):
            one.is_other = False
        elif has_jumped:
            one.is_other = True
        if not one.is_other:
            one.sure = look
        one.last, one.seen = look, now

    def passed(self, track_id: int, look: Look, taken_at: float) -> None:
        """This look is let through; the track may have jumped since it was taken."""
        one = self._stands.get(track_id)
        if one is None:
            return
        one.passed = look
        one.is_other = one.jumped_at > taken_at and not _is_like(one.last, SAME_LOOK, look)
        one.sure = look if one.is_other else one.last

    def is_other(self, track_id: int) -> bool:
        """Whether this may be somebody else than the one last let through."""
        one = self._stands.get(track_id)
        return one is not None and one.is_other

    def others(self, track_ids: Iterable[int]) -> frozenset[int]:
        """Of which of these that is so."""
        return frozenset(number for number in track_ids if self.is_other(number))

    def forget(self, now: float) -> None:
        """Drops who has gone."""
        self._stands = {
            number: one for number, one in self._stands.items() if now - one.seen <= _KEPT_S
        }


def _is_like(look: Look, least: float, *others: Look) -> bool:
    return any(float(look @ other) >= least for other in others)
