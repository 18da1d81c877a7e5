"""Kills a process at every single database statement of an operation, each time in a new folder.

`python -m tests.faults.crash_driver OPERATION FOLDER` leaves FOLDER/1, FOLDER/2, … as the kills
left them, and prints how many there are. The last one was not killed.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from pipeline.deletion import delete_photo, delete_user
from tests.fakes import portrait
from tests.gallery_kit import GalleryKit, gallery_in

MOST_STATEMENTS = 200


def prepare(kit: GalleryKit) -> None:
    """Two people, one of them with two photos; a new and a better photo wait in the folder."""
    kit.enroll("anna.png", 1)
    kit.enroll("bob/1.png", 2)
    kit.enroll("bob/2.png", 2, shade=5)
    kit.put("carl.png", portrait(3))
    kit.put("carl.json", b'{"name": "Carl"}')
    kit.put("anna.png", portrait(1, 6))


def delete_bobs_first_photo(kit: GalleryKit) -> None:
    row = kit.row("bob/1.png")
    assert row is not None
    delete_photo(kit.services.database, kit.drop, "bob", row.id)


OPERATIONS: dict[str, Callable[[GalleryKit], object]] = {
    "enroll": lambda kit: kit.convert("carl.png"),
    "replace": lambda kit: kit.convert("anna.png"),
    "scan": lambda kit: kit.scan_and_convert(),
    "post": lambda kit: kit.engine.enrollment.enroll("dora", portrait(4)),
    "delete_user": lambda kit: delete_user(kit.services.database, kit.drop, "bob"),
    "delete_photo": delete_bobs_first_photo,
}


def run(folder: Path, work: Callable[[GalleryKit], object], kill_at: int | None) -> bool:
    """Do `work` in a forked process, killed at step `kill_at`; returns whether it was."""
    child = os.fork()
    if child == 0:
        with gallery_in(folder) as kit:
            if kill_at is not None:
                arm(kill_at)
            work(kit)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def arm(kill_at: int) -> None:
    """Die at the n-th step: before a statement, before a commit, or right after one."""
    left = [kill_at]

    def count(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Session, "before_commit", count)
    event.listen(Session, "after_commit", count)


def main(operation: str, base: Path) -> int:
    run(base / "prepared", prepare, None)
    for number in range(1, MOST_STATEMENTS):
        folder = base / str(number)
        shutil.copytree(base / "prepared", folder)
        if not run(folder, OPERATIONS[operation], number):
            return number
    raise AssertionError("the operation never finished")


if __name__ == "__main__":
    sys.stdout.write(str(main(sys.argv[1], Path(sys.argv[2]))))
