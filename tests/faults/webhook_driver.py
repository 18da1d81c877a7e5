"""Processes that are killed around events.

`python -m tests.faults.webhook_driver send FOLDER`: a sender, right after the receiver answered.
`python -m tests.faults.webhook_driver WORK FOLDER`: at every statement of WORK, each time in a new
folder; leaves FOLDER/1, FOLDER/2, … and prints how many. The last one was not killed.
"""

import os
import shutil
import signal
import ssl
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from db.deliveries import Attempt
from db.session import Database
from pipeline.deletion import delete_user
from pipeline.webhooks.lane import Post, poster
from pipeline.webhooks.post import Answer
from pipeline.webhooks.sender import Sender
from tests.fakes import portrait
from tests.faults.crash_driver import MOST_STATEMENTS, run
from tests.gallery_kit import GalleryKit
from tests.webhook_kit import settings_in, subscribe


def prepare(kit: GalleryKit) -> None:
    """One person, a photo of another, a broken one, and somebody who wants to know."""
    kit.enroll("bob.png", 2)
    kit.put("carl.png", portrait(3))
    kit.put("broken.png", b"not a photo")
    subscribe(kit.services.database, "http://127.0.0.1:1/")


WORKS: dict[str, Callable[[GalleryKit], object]] = {
    "enroll": lambda kit: kit.convert("carl.png"),
    "refuse": lambda kit: kit.convert("broken.png"),
    "delete": lambda kit: delete_user(kit.services.database, kit.drop, "bob"),
}


def kill_everywhere(work: Callable[[GalleryKit], object], base: Path) -> int:
    run(base / "prepared", prepare, None)
    for number in range(1, MOST_STATEMENTS):
        folder = base / str(number)
        shutil.copytree(base / "prepared", folder)
        if not run(folder, work, number):
            return number
    raise AssertionError("the work never finished")


def deadly() -> Post:
    send = poster(ssl.create_default_context(), True)

    def send_and_die(attempt: Attempt) -> Answer:
        answer = send(attempt)
        assert answer.is_taken, answer
        os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return send_and_die


def main(name: str, folder: Path) -> None:
    if name == "send":
        settings = settings_in(folder)
        Sender(Database(settings.resolved_database_url), settings, deadly).run(threading.Event())
    sys.stdout.write(str(kill_everywhere(WORKS[name], folder)))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
