"""Who fills a space: one process at a time, and whoever is waited for before the watcher."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.lease import claim, is_claimed, lease
from core.settings import Settings


@contextmanager
def filling(settings: Settings, name: str) -> Iterator[bool]:
    """Yields whether this process may fill the space of a network; none else may until the end."""
    with lease(settings.data_dir / f"filling-{name}.lock", wait=False) as alone:
        yield alone


@contextmanager
def in_the_foreground(settings: Settings, name: str) -> Iterator[None]:
    """Until the end of the block the watcher leaves this space alone, after the face in hand."""
    with claim(_foreground(settings, name)):
        yield


def is_left_to_others(settings: Settings, name: str) -> bool:
    """Whether somebody fills the space in the foreground, or is about to."""
    return is_claimed(_foreground(settings, name))


def _foreground(settings: Settings, name: str) -> Path:
    return settings.data_dir / f"foreground-{name}.lock"
