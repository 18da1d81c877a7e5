"""What becomes of a file in the drop folder: the whole table, on fake networks."""

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from db import users
from tests.fakes import BUG, NOT_A_NUMBER, group, nobody, portrait
from tests.gallery_kit import GalleryKit, gallery_in
from tests.webhook_kit import rows, subscribe


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[GalleryKit]:
    with gallery_in(tmp_path) as kit:
        yield kit
        kit.check()


def test_a_new_photo_enrolls_a_new_person(kit: GalleryKit) -> None:
    outcome = kit.enroll("1042.png", 5)
    assert (outcome.status, outcome.user_id) == ("enrolled", "1042")
    assert kit.who(5) == "1042"
    assert kit.who(6) is None


def test_the_same_content_is_unchanged(kit: GalleryKit) -> None:
    first = kit.enroll("1042.png", 5)
    (kit.drop / "1042.png").touch()
    again = kit.convert("1042.png")
    assert (again.status, again.face_id) == ("unchanged", first.face_id)
    assert kit.scan_and_convert() == []


def test_a_folder_holds_several_photos_of_one_person(kit: GalleryKit) -> None:
    for shade in range(3):
        assert kit.enroll(f"bob/{shade}.png", 7, shade).status == "enrolled"
    assert kit.who(7) == "bob"
    with kit.services.database.read() as session:
        assert users.count(session) == 1


def test_a_better_photo_replaces_its_face(kit: GalleryKit) -> None:
    old = kit.enroll("1042.png", 5)
    new = kit.enroll("1042.png", 5, shade=10)
    assert new.status == "enrolled"
    assert new.face_id != old.face_id
    assert kit.engine.gallery.count == 1
    assert kit.who(5) == "1042"


def test_another_persons_photo_is_a_conflict_and_the_old_one_stays(kit: GalleryKit) -> None:
    kit.enroll("1042.png", 5)
    outcome = kit.enroll("1042.png", 6)
    assert (outcome.status, outcome.code) == ("conflict", "face_conflict")
    assert kit.who(5) == "1042"
    assert kit.who(6) is None
    assert kit.scan_and_convert() == []


def test_an_accepted_conflict_is_enrolled(kit: GalleryKit) -> None:
    kit.enroll("1042.png", 5)
    kit.enroll("1042.png", 6)
    assert kit.convert("1042.png", force=True, accept=True).status == "enrolled"
    assert kit.who(6) == "1042"
    assert kit.who(5) is None


def test_garbage_over_an_enrolled_photo_is_refused_and_the_old_one_stays(kit: GalleryKit) -> None:
    kit.enroll("1042.png", 5)
    kit.put("1042.png", os.urandom(500))
    assert kit.convert("1042.png").code == "unsupported_image"
    assert kit.who(5) == "1042"
    assert kit.enroll("1042.png", 5, shade=4).status == "enrolled"


def test_a_photo_that_may_still_be_arriving_stays_pending(kit: GalleryKit) -> None:
    whole = portrait(5)
    kit.put("1042.png", whole[: len(whole) * 6 // 10])
    outcome = kit.convert("1042.png")
    assert (outcome.status, outcome.code) == ("pending", "image_corrupt")
    kit.put("1042.png", whole)
    assert kit.convert("1042.png").status == "enrolled"


def test_the_same_photo_under_two_ids_is_a_conflict(kit: GalleryKit) -> None:
    kit.enroll("anna.png", 5)
    outcome = kit.enroll("bert.png", 5)
    assert (outcome.status, outcome.code) == ("conflict", "face_conflict")
    assert kit.who(5) == "anna"


def test_one_person_under_two_ids_is_enrolled_with_a_word_of_warning(kit: GalleryKit) -> None:
    kit.enroll("anna.png", 5)
    assert kit.enroll("anna/2.png", 5, shade=2).message is None
    outcome = kit.enroll("bert.png", 5, shade=9)
    assert outcome.status == "enrolled"
    assert outcome.message is not None
    assert "looks like the person enrolled as anna" in outcome.message
    row = kit.row("bert.png")
    assert row is not None
    assert (row.message, row.code) == (outcome.message, None)
    assert kit.enroll("carl.png", 6).message is None


def test_the_same_photo_twice_of_one_person_is_one_face(kit: GalleryKit) -> None:
    first = kit.enroll("anna.png", 5)
    second = kit.enroll("anna/copy.png", 5)
    assert second.status == "enrolled"
    assert second.face_id == first.face_id
    assert kit.enroll("anna.png", 5, shade=9).status == "enrolled"
    assert kit.engine.gallery.count == 2, "the copy still needs the first face"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (nobody(), "no_face"),
        (group([1, 2], [60, 60]), "multiple_faces"),
        (group([1], [30]), "face_too_small"),
        (b"<svg/>", "unsupported_image"),
        (portrait(NOT_A_NUMBER), "model_error"),
    ],
)
def test_unusable_photos_are_refused_with_their_code(
    kit: GalleryKit, data: bytes, code: str
) -> None:
    kit.put("1042.png", data)
    outcome = kit.convert("1042.png")
    assert (outcome.status, outcome.code) == ("rejected", code)
    assert kit.scan_and_convert() == []
    with kit.services.database.read() as session:
        assert users.count(session) == 0


def test_a_user_id_that_differs_only_by_case_is_refused(kit: GalleryKit) -> None:
    kit.enroll("anna.png", 5)
    outcome = kit.enroll("Anna.png", 6)
    assert (outcome.status, outcome.code) == ("rejected", "conflict")


def test_a_profile_beside_the_photo_is_applied_and_later_edits_stay(kit: GalleryKit) -> None:
    kit.put("1042.json", b'{"name": "Anna", "attributes": {"team": 3}}')
    kit.enroll("1042.png", 5)
    with kit.services.database.write() as session:
        person = users.get(session, "1042")
        assert (person.name, person.attributes) == ("Anna", {"team": 3})
        users.set_profile(person, {"name": "Anna B."})
    kit.enroll("1042.png", 5, shade=6)
    with kit.services.database.read() as session:
        assert users.get(session, "1042").name == "Anna B."


def test_two_threads_enroll_the_same_file_as_one_face(kit: GalleryKit) -> None:
    kit.put("1042.png", portrait(5))
    outcomes = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(kit.convert("1042.png"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.status for outcome in outcomes) == ["enrolled"] + ["unchanged"] * 7
    assert kit.engine.gallery.count == 1


def test_a_file_changed_while_it_is_read_is_looked_at_again(kit: GalleryKit) -> None:
    kit.put("1042.png", portrait(5))
    analyzed = kit.engine.converter.analyze(portrait(5))
    read, identity = portrait(5), kit.reconciler.scan().work[0].identity
    kit.put("1042.png", portrait(6))
    from core.errors import Vanished
    from core.files import sha256_bytes
    from core.names import PhotoName
    from pipeline.commit import Arrival

    name = PhotoName(PurePosixPath("1042.png"), "1042")
    with pytest.raises(Vanished):
        kit.engine.converter.enroll(name, Arrival(sha256_bytes(read), identity), analyzed)
    assert [outcome.status for outcome in kit.scan_and_convert()] == ["enrolled"]
    assert kit.who(6) == "1042"


def test_a_bug_of_a_network_keeps_the_photo(kit: GalleryKit) -> None:
    kit.put("1042.png", portrait(BUG))
    with pytest.raises(RuntimeError):
        kit.convert("1042.png")
    kit.reconciler.scan()
    assert kit.statuses() == {"1042.png": "pending"}


def test_a_vanished_file_changes_nobody(kit: GalleryKit) -> None:
    kit.enroll("1042.png", 5)
    kit.put("waits.png", portrait(6))
    kit.reconciler.scan()
    subscribe(kit.services.database, "https://example.org/")
    for name in ("1042.png", "waits.png"):
        (kit.drop / name).unlink()
    assert kit.scan_and_convert() == []
    [told] = rows(kit.services.database)
    assert (told.type, json.loads(told.payload)["data"]["code"]) == ("rejected", "vanished")
    assert kit.who(5) == "1042"
    row, waits = kit.row("1042.png"), kit.row("waits.png")
    assert row is not None
    assert waits is not None
    assert (row.status, row.present) == ("enrolled", False)
    assert (waits.status, waits.code) == ("rejected", "vanished")
    kit.put("waits.png", portrait(6))
    assert [outcome.status for outcome in kit.scan_and_convert()] == ["enrolled"]


def test_an_unreadable_drop_folder_says_nothing_about_its_files(kit: GalleryKit) -> None:
    from core.errors import NotReady

    kit.enroll("1042.png", 5)
    kit.drop.rename(kit.drop.with_name("away"))
    with pytest.raises(NotReady):
        kit.reconciler.scan()
    kit.drop.with_name("away").rename(kit.drop)
    row = kit.row("1042.png")
    assert row is not None
    assert row.present


def test_what_is_no_photo_is_noted_and_never_blocks(kit: GalleryKit) -> None:
    os.mkfifo(kit.drop / "fifo.jpg")
    (kit.drop / "link.jpg").symlink_to("/etc/passwd")
    (kit.drop / "zero.jpg").symlink_to("/dev/zero")
    (kit.drop / "folder.jpg").mkdir()
    (kit.drop / "linked").symlink_to("/etc")
    (kit.drop / "bob").mkdir()
    (kit.drop / "bob" / "deeper").mkdir()
    (kit.drop / os.fsdecode(b"\xff.jpg")).write_bytes(portrait(1))
    with (kit.drop / "sparse.jpg").open("wb") as file:
        file.truncate(5_000_000_000)
    started = time.monotonic()
    codes = {outcome.path: outcome.code for outcome in kit.scan_and_convert()}
    assert codes == {
        "fifo.jpg": "not_regular_file",
        "link.jpg": "not_regular_file",
        "zero.jpg": "not_regular_file",
        "folder.jpg": "not_regular_file",
        "linked": "unsupported_image",
        "bob/deeper": "unsupported_image",
        "\\xff.jpg": "invalid_name",
        "sparse.jpg": "too_large",
    }
    assert time.monotonic() - started < 60, "a FIFO or a device blocks for ever"
    assert kit.scan_and_convert() == []
