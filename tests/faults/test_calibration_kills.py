"""`kill -9` at every statement of a calibration: the old threshold or the new, with all of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from db import audit, calibrations
from pipeline.services import Services
from tests.fakes import THRESHOLD, fake_settings, make_services, spec
from tests.faults.calibration_driver import FIRST, OPERATIONS

ROOT = Path(__file__).resolve().parents[2]
ACTIONS = {"record": "calibration.record", "withdraw": "calibration.withdraw"}


def left_by_kills(operation: str, folder: Path) -> list[Path]:
    """What each kill left; the last one was not killed."""
    driver = [sys.executable, "-m", "tests.faults.calibration_driver", operation, str(folder)]
    done = subprocess.run(driver, cwd=ROOT, check=True, capture_output=True, timeout=300)
    return [folder / str(number) for number in range(1, int(done.stdout) + 1)]


def is_done(services: Services, operation: str) -> bool:
    """Whether it happened; checks that its row, its note and what is judged by say the same."""
    with services.database.read() as session:
        rows = calibrations.page(session, None, 10)
        notes = [one.action for one in audit.page(session, None, 10)]
        in_force = calibrations.in_force(session, spec())
        assert calibrations.state(session)[1] == (in_force.id if in_force else None)
        expected = in_force.threshold if in_force else THRESHOLD
    assert services.engine().rule.threshold == expected
    newest, _ = rows[0]
    done = newest.id == 2 if operation == "record" else newest.withdrawn_at is not None
    assert notes.count(ACTIONS[operation]) == done
    if operation == "record":
        assert len(rows) == 1 + done
        assert (expected == FIRST) != done
        assert newest.people == (60 if done else 46)
    else:
        assert (expected, newest.withdrawn_by) == ((THRESHOLD, "bob") if done else (FIRST, None))
    return done


@pytest.mark.timeout(600)
@pytest.mark.parametrize("operation", list(OPERATIONS))
def test_killed_anywhere_it_is_recorded_whole_or_not_at_all(tmp_path: Path, operation: str) -> None:
    folders, seen = left_by_kills(operation, tmp_path), []
    assert len(folders) > 4
    for folder in folders:
        services = make_services(fake_settings(folder))
        services.start()
        seen.append(is_done(services, operation))
        if not seen[-1]:
            # Done again, it goes to its end.
            OPERATIONS[operation](services)
            assert is_done(services, operation)
        services.close()
    assert seen == sorted(seen)
    # One before the commit is not done, one right after it is, and so is the one that was not
    # killed.
    assert seen[0] is False
    assert seen[-2:] == [True, True]
