"""SIGKILL in the middle of filling a space: what was committed stays, and the next run goes on."""

import signal
import subprocess
import sys
from pathlib import Path

from sqlalchemy import text

from tests.gallery_kit import GalleryKit
from tests.spaces_kit import filler, spaces_in, truth

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = 20
STEPS_BETWEEN_KILLS = 17
"""Statements and commits; a batch of eight faces takes some forty."""


def killed(folder: Path, step: int) -> bool:
    """Fill until the step; whether the process was killed there."""
    command = [sys.executable, "-m", "tests.faults.space_fill_driver", str(folder), str(step)]
    done = subprocess.run(command, cwd=ROOT, check=False)
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


def rows(kit: GalleryKit) -> list[tuple[int, int]]:
    with kit.services.database.read() as session:
        found = session.execute(text("SELECT face_id, seq FROM embeddings ORDER BY id"))
        return [(face_id, seq) for face_id, seq in found]


def test_a_fill_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    with spaces_in(tmp_path) as kit:
        for person in range(1, PEOPLE + 1):
            kit.enroll(f"p{person}.png", person)
    steps, counts = 0, [0]
    kept: list[tuple[int, int]] = []
    while counts[-1] < PEOPLE:
        steps += STEPS_BETWEEN_KILLS
        if not killed(tmp_path, steps):
            break
        with spaces_in(tmp_path) as kit:
            now = rows(kit)
            assert now[: len(kept)] == kept, "what was committed stays as it was"
            kept = now
            counts.append(len(now))
    assert any(0 < count < PEOPLE for count in counts), "a kill in the middle was seen"
    with spaces_in(tmp_path) as kit:
        filler(kit).fill()
        after = rows(kit)
        assert after[: len(kept)] == kept
        assert len(after) == len({face_id for face_id, _ in after}) == PEOPLE
        resumed = truth(kit.services.database, further=True)
        kit.check()
    with spaces_in(tmp_path / "unharmed") as kit:
        for person in range(1, PEOPLE + 1):
            kit.enroll(f"p{person}.png", person)
        filler(kit).fill()
        assert resumed == truth(kit.services.database, further=True)
