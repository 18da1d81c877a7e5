"""Kills a process at every step of a check-in that keeps its picture, each time in a new folder.

`python -m tests.faults.checkin_crash_driver FOLDER` leaves FOLDER/1, FOLDER/2, … as the kills left
them, and prints how many there are. The last one was not killed.
"""

import os
import shutil
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from core.settings import KeepPictures, Settings
from core.types import Decision
from pipeline.checkins import Arrival, Outcome
from pipeline.devices import NewDevice, create
from pipeline.services import Services
from tests.fakes import fake_settings, make_services, portrait
from tests.faults.crash_driver import MOST_STATEMENTS, arm

EVENT = "0a8d2c1e-9d6f-4a57-9b0c-1f2e3d4c5b6a"
DOOR = "door-1"
CAPTURED_AT = datetime(2026, 1, 5, 8, tzinfo=UTC)


def settings_of(folder: Path) -> Settings:
    return fake_settings(folder).model_copy(update={"keep_pictures": KeepPictures.ALL})


def check_in(services: Services) -> Outcome:
    """The one event, the same each time; it comes as fresh as it can."""
    arrival = Arrival(EVENT, DOOR, CAPTURED_AT, None, portrait(5), CAPTURED_AT)
    return services.engine().check_ins.check_in(arrival, lambda _: {})


def prepare(folder: Path) -> None:
    services = make_services(settings_of(folder))
    engine = services.start()
    engine.enrollment.enroll("1042", portrait(5))
    with services.database.write() as session:
        create(session, NewDevice(DOOR, "Door"), "test")
    assert engine.recognizer.rule.threshold
    services.close()


def run(folder: Path, kill_at: int | None) -> bool:
    """Prepare, or check in and die at step `kill_at`, in a forked process; whether it died."""
    child = os.fork()
    if child == 0:
        if kill_at is None:
            prepare(folder)
        else:
            services = make_services(settings_of(folder))
            services.start()
            arm(kill_at)
            outcome = check_in(services)
            assert outcome.grant
            assert outcome.event.decision == Decision.MATCH
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def main(base: Path) -> int:
    run(base / "prepared", None)
    for number in range(1, MOST_STATEMENTS):
        shutil.copytree(base / "prepared", base / str(number))
        if not run(base / str(number), number):
            print(number)  # noqa: T201 - what the test asks for
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
