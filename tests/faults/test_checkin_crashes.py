"""`kill -9` at every step of a check-in: it is recorded whole or not at all, and opens once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from db import checkins
from db.session import Database
from pipeline.pictures import PictureSweep, pictures_folder
from tests.fakes import make_services
from tests.faults.checkin_crash_driver import CAPTURED_AT, EVENT, check_in, settings_of


@pytest.mark.slow
def test_a_check_in_survives_a_kill_at_every_step(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.faults.checkin_crash_driver", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    states = int(done.stdout)
    recorded = [is_sound(tmp_path / str(number)) for number in range(1, states + 1)]
    assert recorded[0] is False
    assert recorded[-1] is True
    assert recorded == sorted(recorded), "once it is recorded, it stays so"
    assert recorded.count(True) >= 2, "one of them was killed after the commit"


def is_sound(folder: Path) -> bool:
    """Whether the event is there; and what happens when the device sends it again."""
    services = make_services(settings_of(folder))
    services.start()
    was_there = is_there(services.database)
    again = check_in(services)
    assert again.duplicate is was_there
    assert again.grant is not was_there
    assert check_in(services).grant is False
    pictures = pictures_folder(services.settings)
    taken = CAPTURED_AT.timestamp()
    for path in pictures.glob("2*/*"):
        os.utime(path, (taken, taken))
    PictureSweep(services.database, services.settings).sweep(taken + 4000)
    with services.database.read() as session:
        event = checkins.get(session, EVENT)
    left = [str(path.relative_to(pictures)) for path in pictures.glob("2*/*")]
    assert left == [event.picture], "the picture of the event, and no other"
    services.close()
    return was_there


def is_there(database: Database) -> bool:
    with database.read() as session:
        return checkins.find(session, EVENT) is not None
