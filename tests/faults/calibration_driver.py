"""Kills a process at every database statement of a calibration, each time in a new folder.

`python -m tests.faults.calibration_driver OPERATION FOLDER`; see crash_driver, whose way it takes.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from evaluation import recording
from evaluation.calibrating import Target, TargetKind, of_gallery, propose
from evaluation.evaluate import Rows
from pipeline.services import Services
from pipeline.thresholds import Origin, Threshold
from tests.calibration_kit import recorded, row
from tests.fakes import fake_settings, make_services, spec
from tests.faults.crash_driver import MOST_STATEMENTS, arm

FIRST = 0.7
"""The threshold that is in force before."""


def record(services: Services) -> None:
    """What `flask calibrate propose --record` does once a threshold is found."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((60, 64)).astype(np.float32)
    found = of_gallery(Rows([str(n) for n in range(60)], vectors, np.arange(60)), spec())
    target = Target(TargetKind.FMR, 0.01)
    proposal, now = propose(found, target), Threshold(-1, Origin.CALIBRATION, 1)
    recording.record(
        services.database, spec(), found, target, proposal, now=now, by="ann", tool="test"
    )


def withdraw(services: Services) -> None:
    recording.withdraw(services.database, spec(), 1, "bob")


OPERATIONS: dict[str, Callable[[Services], None]] = {"record": record, "withdraw": withdraw}


def prepare(services: Services) -> None:
    recorded(services.database, spec(), row(FIRST))


def run(folder: Path, work: Callable[[Services], None], kill_at: int | None) -> bool:
    """Do `work` in a forked process, killed at step `kill_at`; returns whether it was."""
    child = os.fork()
    if child == 0:
        services = make_services(fake_settings(folder))
        if kill_at is not None:
            arm(kill_at)
        work(services)
        services.close()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


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
