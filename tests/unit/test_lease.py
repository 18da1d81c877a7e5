"""Locks between processes: one that is held alone, and one by which many say they are at it."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.lease import claim, is_claimed, lease

_HOLDS = """
import sys, time
from pathlib import Path
from core.lease import claim, lease
way, path = sys.argv[1], Path(sys.argv[2])
with claim(path) if way == "claim" else lease(path, wait=True):
    print("has it", flush=True)
    time.sleep(600)
"""


def holder(way: str, path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, way, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "has it\n"
    return process


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_only_one_holds_a_lease(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lock"
    with lease(path, wait=False) as mine:
        assert mine
        with lease(path, wait=False) as another:
            assert not another
    with lease(path, wait=True) as mine:
        assert mine


def test_any_number_claim_and_it_is_seen_until_the_last_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lock"
    assert not is_claimed(path)
    with claim(path):
        with claim(path):
            assert is_claimed(path)
        assert is_claimed(path)
    assert not is_claimed(path)


@pytest.mark.parametrize("way", ["lease", "claim"])
def test_it_ends_with_its_holder_however_that_one_dies(tmp_path: Path, way: str) -> None:
    path = tmp_path / "lock"
    process = holder(way, path)
    assert is_claimed(path)
    killed(process)
    assert not is_claimed(path)
