"""`kill -9` around events: announced exactly if it happened, delivered at least once."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import StorageFull
from db import deliveries, migrate
from db.session import Database
from pipeline.webhooks import schedule
from pipeline.webhooks.events import EventType, emit
from tests.gallery_kit import GalleryKit, gallery_in
from tests.webhook_kit import (
    Receiver,
    receiving,
    rows,
    sending_in,
    settings_in,
    soon,
    subscribe,
)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    settings = settings_in(tmp_path)
    settings.data_dir.mkdir()
    database = Database(settings.resolved_database_url)
    migrate.upgrade(database)
    return database


def drive(name: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    driver = [sys.executable, "-m", "tests.faults.webhook_driver", name, str(folder)]
    return subprocess.run(driver, check=False, capture_output=True, timeout=240)


def queue(database: Database, receiver: Receiver) -> None:
    subscribe(database, receiver.url)
    with database.write() as session:
        emit(session, EventType.DELETED, {"user_id": "ann"}, "ann")


def test_a_sender_killed_before_it_could_record(tmp_path: Path, database: Database) -> None:
    with receiving() as receiver:
        queue(database, receiver)
        killed = drive("send", tmp_path)
        assert killed.returncode == -9, killed.stderr
        assert [row.status for row in rows(database)] == ["pending"]
        with sending_in(database, settings_in(tmp_path)):
            assert soon(lambda: rows(database)[0].status == "delivered", 60)
        assert [got.id for got in receiver.got] == [rows(database)[0].message_id] * 2
        assert receiver.got[0].body == receiver.got[1].body
        assert rows(database)[0].attempts == 2
    database.close()


def test_what_cannot_be_recorded_is_sent_again_only_as_scheduled(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, failures = deliveries.record, 2
    pauses: list[int] = []

    def fail_at_first(*args: object) -> None:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise StorageFull("the disk is full")
        record(*args)  # type: ignore[arg-type]

    def pause(number: int) -> float:
        pauses.append(number)
        return 0.1

    monkeypatch.setattr(deliveries, "record", fail_at_first)
    monkeypatch.setattr(schedule, "pause", pause)
    monkeypatch.setattr(schedule, "rest", lambda failures: 0.05)
    with receiving() as receiver:
        queue(database, receiver)
        with sending_in(database, settings_in(tmp_path)):
            assert soon(lambda: rows(database)[0].status == "delivered")
        assert len(receiver.got) == 3
    assert pauses == [1, 2, 3]
    database.close()


def carl_is_enrolled(kit: GalleryKit) -> bool:
    return kit.statuses().get("carl.png") == "enrolled"


def it_is_rejected(kit: GalleryKit) -> bool:
    return kit.statuses().get("broken.png") == "rejected"


def bob_is_gone(kit: GalleryKit) -> bool:
    return kit.who(2) is None


@pytest.mark.parametrize(
    ("work", "happened", "event"),
    [
        ("enroll", carl_is_enrolled, "enrolled"),
        ("refuse", it_is_rejected, "rejected"),
        ("delete", bob_is_gone, "deleted"),
    ],
)
def test_announced_exactly_if_it_happened(
    tmp_path: Path, work: str, happened: Callable[[GalleryKit], bool], event: str
) -> None:
    count = int(drive(work, tmp_path).stdout)
    seen = set()
    for number in range(1, count + 1):
        with gallery_in(tmp_path / str(number)) as kit:
            told = [row.type for row in rows(kit.services.database)]
            assert told == ([event] if happened(kit) else [])
            seen.add(bool(told))
    assert told == [event]
    assert seen == {False, True}
    assert count > 5
