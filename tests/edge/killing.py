"""A process that is killed at a statement of its database, for tests of what is left."""

import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path


def arm(database: sqlite3.Connection, kill_at: int) -> None:
    """Die as statement `kill_at` begins."""
    left = [kill_at]

    def count(_: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    database.set_trace_callback(count)


def run(work: Callable[[Path, int], None], folder: Path, kill_at: int) -> bool:
    """Whether the child that does the work died before its end."""
    folder.mkdir(parents=True)
    child = os.fork()
    if child == 0:
        work(folder, kill_at)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)
