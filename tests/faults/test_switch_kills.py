"""`kill -9` at every statement of a switch: one space or the other is in force, each whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.spaces import removing
from tests.fakes import spec
from tests.faults.switch_driver import AFTER
from tests.spaces_kit import FURTHER_SPEC
from tests.switch_kit import check_counts, go_over, in_force, now, two_networks_in, who

PEOPLE = ("anna", "bert", "carl")
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("operation", "stride"), [("flip", 1), ("remove", 3), ("use", 13), ("rollback", 17)]
)
def test_killed_anywhere_it_is_the_old_space_or_the_new(
    tmp_path: Path, operation: str, stride: int
) -> None:
    driver = [sys.executable, "-m", "tests.faults.switch_driver", operation]
    done = subprocess.run(
        [*driver, str(tmp_path), str(stride)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=500,
    )
    last, seen = int(done.stdout), set()
    assert last > 5
    for number in range(1, last + 1, stride):
        with two_networks_in(tmp_path / str(number)) as kit:
            space = in_force(kit)
            seen.add(space)
            assert number < last or space == AFTER[operation]
            check_counts(kit)
            kit.check()
            for person, name in enumerate(PEOPLE, 1):
                assert who(kit, person) == (space.embedder, name)
            # Run again, it goes on to its end.
            if operation == "remove":
                removing.remove(kit.services, spec())
                assert kit.services.engine().gallery.compare() is None
            elif space != AFTER[operation]:
                go_over(kit.services, AFTER[operation].embedder)
            assert in_force(now(kit)) == AFTER[operation]
            check_counts(kit)
            for person, name in enumerate(PEOPLE, 1):
                assert who(kit, person) == (AFTER[operation].embedder, name)
    both = {spec(), FURTHER_SPEC}
    assert seen == ({FURTHER_SPEC} if operation == "remove" else both), "kills before and after"
