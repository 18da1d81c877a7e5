"""A real folder drop, and the events that its ledger says: each once, none besides."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import migrate
from db.session import Database
from pipeline.deletion import delete_photo, delete_user
from pipeline.watcher import Watcher
from pipeline.webhooks.events import EventType, emit
from tests.fakes import fake_settings, group, make_services, portrait
from tests.gallery_kit import GalleryKit
from tests.webhook_kit import (
    Got,
    Receiver,
    private_settings,
    receiving,
    rows,
    sending_in,
    settings_in,
    soon,
    subscribe,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[GalleryKit]:
    settings = private_settings(fake_settings(tmp_path, rescan_seconds=1))
    services = make_services(settings)
    yield GalleryKit(services, services.start())
    services.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def watched(kit: GalleryKit) -> Iterator[None]:
    """The watcher's own loop and the sender, as in its process."""
    stop = threading.Event()
    watcher = Watcher(kit.services, kit.engine)
    thread = threading.Thread(target=watcher.run, args=(stop,), daemon=True)
    thread.start()
    with sending_in(kit.services.database, kit.services.settings):
        yield
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


def told(receiver: Receiver) -> list[tuple[str, object, object]]:
    return sorted(
        ((got.type, _of(got, "path"), _of(got, "user_id")) for got in receiver.got), key=str
    )


def _of(got: Got, name: str) -> object:
    return got.json["data"].get(name)


def all_sent(kit: GalleryKit, count: int) -> bool:
    found = rows(kit.services.database)
    return len(found) == count and all(row.status == "delivered" for row in found)


@pytest.mark.usefixtures("watched")
def test_what_the_ledger_says_is_told(kit: GalleryKit, receiver: Receiver) -> None:
    secret = subscribe(kit.services.database, receiver.url).secret
    kit.put("anna.png", portrait(1))
    kit.put("bob/1.png", portrait(2))
    kit.put("broken.png", b"not a photo")
    kit.put("two.png", group([3, 4], [80, 80]))
    kit.put("-.png", portrait(5))
    assert soon(lambda: all_sent(kit, 5))
    kit.put("bob/2.png", portrait(6))
    assert soon(lambda: all_sent(kit, 6))
    refused = [got for got in receiver.got if got.type in ("rejected", "conflict")]
    assert told(receiver) == [
        ("conflict", "bob/2.png", "bob"),
        ("enrolled", "anna.png", "anna"),
        ("enrolled", "bob/1.png", "bob"),
        ("rejected", "-.png", None),
        ("rejected", "broken.png", "broken"),
        ("rejected", "two.png", "two"),
    ]
    for got in receiver.got:
        got.verify(secret)
        row = kit.row(str(_of(got, "path")))
        assert row is not None
        assert (row.status, row.id, row.user_id) == (
            got.type,
            _of(got, "photo_id"),
            _of(got, "user_id"),
        )
        if got in refused:
            assert (row.code, row.message) == (_of(got, "code"), _of(got, "message"))
        else:
            assert row.face_id == _of(got, "face_id")
    kit.check()


@pytest.mark.usefixtures("watched")
def test_what_stays_is_not_told_again(kit: GalleryKit, receiver: Receiver) -> None:
    subscribe(kit.services.database, receiver.url)
    kit.put("anna.png", portrait(1))
    kit.put("broken.png", b"not a photo")
    kit.put("bad.json", b"{")
    assert soon(lambda: all_sent(kit, 3))
    (kit.drop / "anna.png").touch()
    (kit.drop / "broken.png").touch()
    kit.put("carl.png", portrait(3))
    assert soon(lambda: all_sent(kit, 4))
    kit.scan_and_convert()
    assert len(rows(kit.services.database)) == 4
    kit.put("broken.png", b"not a photo either")
    assert soon(lambda: all_sent(kit, 5))
    assert receiver.got[-1].json["data"]["path"] == "broken.png"


@pytest.mark.usefixtures("watched")
def test_a_deleted_person_is_told_and_a_deleted_photo_is_not(
    kit: GalleryKit, receiver: Receiver
) -> None:
    database = kit.services.database
    kit.enroll("anna/1.png", 1)
    photo = kit.enroll("anna/2.png", 1, shade=5)
    subscribe(database, receiver.url)
    delete_photo(database, kit.drop, "anna", photo.photo_id or 0)
    delete_user(database, kit.drop, "anna")
    assert soon(lambda: all_sent(kit, 1))
    assert told(receiver) == [("deleted", None, "anna")]
    assert receiver.got[0].json["data"] == {"user_id": "anna"}


def test_no_payload_holds_what_must_not_go_out(kit: GalleryKit, receiver: Receiver) -> None:
    subscribe(kit.services.database, receiver.url)
    kit.enroll("anna.png", 1)
    kit.put("broken.png", b"not a photo")
    kit.convert("broken.png")
    delete_user(kit.services.database, kit.drop, "anna")
    payloads = [row.payload for row in rows(kit.services.database)]
    assert len(payloads) == 2
    for payload in payloads:
        assert str(kit.drop.parent) not in payload
        assert "embedding" not in payload
        assert "sha256" not in payload
        assert len(payload) < 500


def test_the_watchers_process_sends_before_it_can_watch(tmp_path: Path, receiver: Receiver) -> None:
    """No network is prepared here: what waits is sent all the same, and the process ends well."""
    settings = settings_in(tmp_path)
    settings.data_dir.mkdir()
    database = Database(settings.resolved_database_url)
    migrate.upgrade(database)
    subscribe(database, receiver.url)
    with database.write() as session:
        emit(session, EventType.DELETED, {"user_id": "anna"}, "anna")
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.watcher"],
        cwd=ROOT,
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
    )
    try:
        assert soon(lambda: rows(database)[0].status == "delivered", 60)
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert process.returncode == 0, log
    assert b"cannot start yet" in log
    assert len(receiver.got) == 1
    assert str(tmp_path).encode() not in log
    database.close()


def environment(folder: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name[:6] != "KENAL_"}
    return {
        **inherited,
        "KENAL_DATA_DIR": str(folder / "var"),
        "KENAL_PHOTO_DIR": str(folder / "photo_storage"),
        "KENAL_WEBHOOK_PRIVATE": "true",
    }
