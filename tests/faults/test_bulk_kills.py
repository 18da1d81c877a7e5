"""A process that dies in the middle of many photos: nothing lost, nothing twice, nobody blamed.

`python -m tests.faults.test_bulk_kills FOLDER [KILL_AT]` is the process.
"""

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from db import photos
from db.models import PhotoRow
from pipeline.bulk import Bulk
from pipeline.bulk_commit import Result
from pipeline.converter import Content, Converter
from tests.fakes import portrait
from tests.faults.crash_driver import arm
from tests.gallery_kit import GalleryKit, gallery_in

ROOT = Path(__file__).resolve().parent.parent.parent
GOOD = range(1, 21)
POISON = "p010x.png"
DIED = 9
KILLS = 6


def convert_in_bulk(folder: Path, kill_at: int | None) -> None:
    """What the process does: everything that needs work, unless it dies of it."""
    examine = Converter.examine

    def examining(own: Converter, content: Content, accept: bool = False) -> Result:
        if content.name.path.name == POISON:
            os._exit(DIED)
        return examine(own, content, accept)

    setattr(Converter, "examine", examining)  # noqa: B010 - mypy allows no other way
    with gallery_in(folder) as kit, Bulk(kit.engine.converter, 2, batch=8) as bulk:
        work = kit.reconciler.scan().work
        if kill_at is not None:
            arm(kill_at)
        for _ in bulk.convert_all(work):
            pass


def run(folder: Path, kill_at: int | None = None) -> int:
    program = [sys.executable, "-m", "tests.faults.test_bulk_kills", str(folder)]
    more = [] if kill_at is None else [str(kill_at)]
    return subprocess.run([*program, *more], check=False, cwd=ROOT, timeout=120).returncode


def put_people(kit: GalleryKit) -> None:
    for person in GOOD:
        kit.put(f"p{person:03}.png", portrait(person))


def make_due(kit: GalleryKit) -> None:
    """As if the pauses between two tries had passed."""
    with kit.services.database.write() as session:
        for row in photos.all_by_path(session):
            if row.next_attempt_at is not None:
                row.next_attempt_at = datetime.now(UTC) - timedelta(seconds=1)


def nothing_is_twice(kit: GalleryKit) -> None:
    kit.check()
    assert kit.engine.gallery.count == len(GOOD)
    assert [kit.who(person) for person in GOOD] == [f"p{person:03}" for person in GOOD]


def test_only_the_photo_that_ends_the_process_is_blamed(tmp_path: Path) -> None:
    with gallery_in(tmp_path) as kit:
        put_people(kit)
        kit.put(POISON, portrait(300))
    runs = 0
    while run(tmp_path) == DIED:
        runs += 1
        assert runs <= 6
        with gallery_in(tmp_path) as kit:
            most = max(row.begun for row in rows(kit) if row.path != POISON)
            assert most <= 1, "once beside it, and then alone"
            make_due(kit)
    with gallery_in(tmp_path) as kit:
        assert kit.statuses().pop(POISON) == "rejected"
        row = kit.row(POISON)
        assert row is not None
        assert row.code == "internal"
        assert Counter(kit.statuses().values()) == {"enrolled": len(GOOD), "rejected": 1}
        nothing_is_twice(kit)
    assert runs == 5


def rows(kit: GalleryKit) -> list[PhotoRow]:
    with kit.services.database.read() as session:
        found = list(photos.all_by_path(session))
        session.expunge_all()
        return found


@pytest.mark.parametrize("part", range(KILLS))
def test_a_kill_loses_nothing_and_leaves_nothing_twice(tmp_path: Path, part: int) -> None:
    """Killed at a statement early, in the middle, or late."""
    with gallery_in(tmp_path) as kit:
        put_people(kit)
    first = run(tmp_path, kill_at=5 + part * 50)
    assert first == -9
    with gallery_in(tmp_path) as kit:
        kit.check()
        assert set(kit.statuses().values()) <= {"enrolled", "pending"}
        before = {row.path: row.face_id for row in rows(kit) if row.face_id is not None}
        make_due(kit)
    assert run(tmp_path) == 0
    with gallery_in(tmp_path) as kit:
        after = {row.path: row.face_id for row in rows(kit)}
        assert before.items() <= after.items(), "what was committed stays"
        assert set(kit.statuses().values()) == {"enrolled"}
        nothing_is_twice(kit)


if __name__ == "__main__":
    convert_in_bulk(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
