"""How long work says how far it is."""

from collections.abc import Callable

OnProgress = Callable[[str, int, int], None]
"""Hears `(stage, done, total)`; `stage` is one of reading, sorting, trees, measuring, checking."""


def unheard(_stage: str, _done: int, _total: int) -> None:
    """Nobody looks."""
