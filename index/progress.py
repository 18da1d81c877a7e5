"""How long work says how far it is."""

from collections.abc import Callable

OnProgress = Callable[[str, int, int], None]
"""Hears `(stage, done, total)`; `total` is 0 where it is not known.

The stages: reading, writing, sketching, planting, growing, comparing, measuring, checking.
"""


def unheard(_stage: str, _done: int, _total: int) -> None:
    """Nobody looks."""
