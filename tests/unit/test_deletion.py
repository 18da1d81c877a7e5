"""Deleting on request: gone at once, gone for good, and nothing else with it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from core import files
from core.errors import NotFound
from core.names import PhotoName
from core.vectors import to_bytes
from db import removals
from pipeline.commit import Arrival
from pipeline.deletion import delete_photo, delete_user, sweep
from tests.fakes import portrait
from tests.gallery_kit import GalleryKit, gallery_in


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[GalleryKit]:
    with gallery_in(tmp_path) as kit:
        yield kit
        kit.check()


def delete(kit: GalleryKit, user_id: str) -> None:
    delete_user(kit.services.database, kit.drop, user_id)


def test_a_deleted_person_is_gone_with_every_file(kit: GalleryKit) -> None:
    kit.enroll("bob.png", 5)
    kit.enroll("bob/2.png", 5, shade=5)
    kit.put("bob/waits.png", portrait(5, 7))
    kit.put("bob.json", b'{"name": "Bob"}')
    kit.enroll("bobby.png", 6)
    delete(kit, "bob")
    assert kit.who(5) is None
    assert kit.who(6) == "bobby"
    assert [item.name for item in kit.drop.iterdir()] == ["bobby.png"]
    assert kit.statuses() == {"bobby.png": "enrolled"}
    assert kit.scan_and_convert() == []


def test_deleting_nobody_is_not_found(kit: GalleryKit) -> None:
    with pytest.raises(NotFound):
        delete(kit, "nobody")


def test_a_deleted_photo_takes_its_face_along(kit: GalleryKit) -> None:
    first = kit.enroll("bob/1.png", 5)
    second = kit.enroll("bob/2.png", 5, shade=5)
    assert first.photo_id is not None
    delete_photo(kit.services.database, kit.drop, "bob", first.photo_id)
    assert not (kit.drop / "bob/1.png").exists()
    assert kit.who(5) == "bob"
    assert set(kit.engine.gallery.index.face_ids().tolist()) == {second.face_id}


def test_deleting_one_of_two_copies_keeps_the_face(kit: GalleryKit) -> None:
    first = kit.enroll("bob/1.png", 5)
    kit.enroll("bob/2.png", 5)
    assert first.photo_id is not None
    delete_photo(kit.services.database, kit.drop, "bob", first.photo_id)
    assert kit.who(5) == "bob"


def test_a_photo_of_somebody_else_is_not_found(kit: GalleryKit) -> None:
    outcome = kit.enroll("bob.png", 5)
    assert outcome.photo_id is not None
    with pytest.raises(NotFound):
        delete_photo(kit.services.database, kit.drop, "anna", outcome.photo_id)


def test_a_file_still_there_after_a_crash_is_not_enrolled_again(kit: GalleryKit) -> None:
    kit.enroll("bob.png", 5)
    delete(kit, "bob")
    # As a crash between commit and unlink leaves it.
    kit.put("bob.png", portrait(5))
    with kit.services.database.write() as session:
        removals.ask(session, "bob.png", files.sha256_bytes(portrait(5)))
    assert kit.convert("bob.png").code == "vanished"
    assert kit.who(5) is None
    assert kit.scan_and_convert() == []
    assert not (kit.drop / "bob.png").exists()


def test_a_new_photo_under_a_deleted_name_is_kept(kit: GalleryKit) -> None:
    kit.enroll("bob.png", 5)
    delete(kit, "bob")
    with kit.services.database.write() as session:
        removals.ask(session, "bob.png", files.sha256_bytes(portrait(5)))
    kit.put("bob.png", portrait(6))
    sweep(kit.services.database, kit.drop)
    assert kit.scan_and_convert()[0].status == "enrolled"
    assert kit.who(6) == "bob"


def test_the_same_photo_may_come_back_later(kit: GalleryKit) -> None:
    kit.enroll("bob.png", 5)
    delete(kit, "bob")
    assert kit.enroll("bob.png", 5).status == "enrolled"


def test_a_photo_in_the_works_does_not_bring_a_deleted_person_back(kit: GalleryKit) -> None:
    kit.enroll("bob.png", 5)
    kit.put("bob/2.png", portrait(5, 6))
    path = kit.drop / "bob/2.png"
    identity = files.identity(path)
    assert identity is not None
    arrival = Arrival(files.sha256_file(path), identity)
    analyzed = kit.engine.converter.analyze(path.read_bytes())
    delete(kit, "bob")
    from core.errors import Vanished

    with pytest.raises(Vanished) as gone:
        kit.engine.converter.enroll(PhotoName(PurePosixPath("bob/2.png"), "bob"), arrival, analyzed)
    kit.engine.converter.refuse(PurePosixPath("bob/2.png"), identity, gone.value)
    assert kit.who(5) is None


def test_nothing_of_the_person_is_left_on_disk(kit: GalleryKit) -> None:
    kit.put("bob.json", b'{"name": "Robert Unusualname"}')
    kit.enroll("bob.png", 5)
    vector = kit.engine.converter.analyze(portrait(5)).vector
    traces = [b"Unusualname", to_bytes(vector), files.sha256_bytes(portrait(5)).encode()]
    database = kit.services.settings.data_dir / "kenal.sqlite3"
    assert any(trace in database.with_name("kenal.sqlite3-wal").read_bytes() for trace in traces)
    delete(kit, "bob")
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    for path in kit.services.settings.data_dir.rglob("*"):
        if path.is_file():
            assert not any(trace in path.read_bytes() for trace in traces), path.name
