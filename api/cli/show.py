"""How commands show long work: a bar with an ETA in a terminal, nothing where nobody looks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from index import OnProgress
from pipeline.models.download import Progress as OnBytes


@contextmanager
def _bar(*columns: ProgressColumn) -> Iterator[Progress]:
    console = Console(stderr=True)
    shown = (TextColumn("{task.description}"), BarColumn(), *columns, TimeRemainingColumn())
    # Files' names are not markup, and a pipe gets no half-drawn bars.
    with Progress(*shown, console=console, disable=not console.is_terminal) as progress:
        yield progress


class _Rate(ProgressColumn):
    """How many steps a second, lately."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s")


@contextmanager
def counting(title: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar of `total` steps; call what is yielded after each."""
    with _bar(MofNCompleteColumn(), _Rate()) as progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)


@contextmanager
def staged(title: str) -> Iterator[OnProgress]:
    """A bar for every stage of long work; call what is yielded with (stage, done, total)."""
    with _bar(MofNCompleteColumn()) as progress:
        tasks: dict[str, TaskID] = {}

        def on_progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(f"{title}: {stage}", total=None)
            progress.update(tasks[stage], completed=done, total=total or None)

        yield on_progress


@contextmanager
def transferring(title: str) -> Iterator[OnBytes]:
    """A bar of bytes; call what is yielded with the bytes so far and of how many."""
    with _bar(DownloadColumn(), TransferSpeedColumn()) as progress:
        task = progress.add_task(title, total=None)

        def on_bytes(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total)

        yield on_bytes
