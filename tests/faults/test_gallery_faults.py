"""Faults that a review found: each once broke a promise, and is held here."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest
from sqlalchemy import text, update

from core.errors import ConflictError, NotFound
from core.settings import Settings
from core.types import EmbeddingSpec, Face
from db import gallery, photos, removals, users
from db.gallery import Chosen
from db.models import PhotoRow
from pipeline.analyzer import Analyzer, LeastFace
from pipeline.deletion import delete_user
from pipeline.images.decode import Pixels
from pipeline.services import Services
from tests.fakes import (
    EMBEDDER,
    FakeDetector,
    FakeEmbedder,
    fake_look,
    make_services,
    portrait,
    spec,
)
from tests.gallery_kit import GalleryKit, gallery_in

MOST_BEGUN = 5


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[GalleryKit]:
    with gallery_in(tmp_path) as kit:
        yield kit


@pytest.mark.parametrize(
    "name",
    [
        "山田　太郎.png",
        "a\u202eb.png",
        "back\\slash.png",
        "\\x41.png",
        "\U0001f9d1\u200d\U0001f33e.png",
    ],
)
def test_any_name_in_a_persons_folder_is_one_ledger_row(kit: GalleryKit, name: str) -> None:
    kit.put(f"bob/{name}", portrait(5))
    assert [outcome.status for outcome in kit.scan_and_convert()] == ["enrolled"]
    assert list(kit.statuses().values()) == ["enrolled"]
    assert kit.scan_and_convert() == []
    kit.check()
    delete_user(kit.services.database, kit.drop, "bob")
    assert not (kit.drop / "bob").exists()


def test_two_names_never_share_a_row(kit: GalleryKit) -> None:
    kit.put("bob/\\xff.png", portrait(5))
    (kit.drop / "bob" / "\udcff.png").write_bytes(portrait(6))
    kit.scan_and_convert()
    assert len(kit.statuses()) == 2


class Killer(FakeDetector):
    """Ends whatever looks at the third person, as a crash of native code does."""

    def detect(self, rgb: Pixels, least_face_px: float, largest_only: bool = False) -> list[Face]:
        if tuple(rgb[0, 0]) == (16, 16, 112):
            raise SystemExit("killed")
        return super().detect(rgb, least_face_px, largest_only)


@dataclass(frozen=True)
class DeadlyNetworks:
    def __call__(self, embedder_id: str, settings: Settings) -> Analyzer:
        assert embedder_id == EMBEDDER
        least_face = LeastFace(settings.min_face_px)
        return Analyzer(Killer(), FakeEmbedder(), least_face, fake_look)


def make_due(services: Services) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    with services.database.write() as session:
        session.execute(update(PhotoRow).values(next_attempt_at=past))


def test_a_photo_that_ends_the_process_is_put_off_and_given_up(tmp_path: Path) -> None:
    from tests.fakes import fake_settings

    make_services(fake_settings(tmp_path)).close()
    services = Services.build(fake_settings(tmp_path), DeadlyNetworks())
    kit = GalleryKit(services, services.start())
    kit.put("deadly.png", portrait(3))
    kit.put("good.png", portrait(5))
    for _ in range(MOST_BEGUN):
        with pytest.raises(SystemExit):
            kit.convert("deadly.png")
        work = [entry.key for entry in kit.reconciler.scan().work]
        assert "deadly.png" not in work, "the others come first after a crash"
        make_due(services)
    assert [outcome.path for outcome in kit.scan_and_convert()] == ["deadly.png", "good.png"]
    row = kit.row("deadly.png")
    assert row is not None
    assert (row.status, row.code) == ("rejected", "internal")
    assert kit.who(5) == "good"
    services.close()


def test_a_deleted_person_stays_deleted_when_the_share_comes_back(kit: GalleryKit) -> None:
    kit.enroll("bob.png", 5)
    kit.enroll("bob/2.png", 5, shade=4)
    kit.enroll("anna.png", 6)
    away = kit.drop.with_name("away")
    kit.drop.rename(away)
    kit.drop.mkdir()
    delete_user(kit.services.database, kit.drop, "bob")
    kit.scan_and_convert()
    kit.drop.rmdir()
    away.rename(kit.drop)
    kit.scan_and_convert()
    assert kit.who(5) is None
    assert kit.who(6) == "anna"
    assert sorted(path.name for path in kit.drop.iterdir()) == ["anna.png"]


def test_a_photo_enrolled_while_its_person_is_deleted_is_deleted_too(kit: GalleryKit) -> None:
    """What `delete_user` did not see in the folder, it knows from the ledger."""
    kit.enroll("bob.png", 5)
    hidden = kit.drop.with_name("hidden.png")
    (kit.drop / "bob.png").rename(hidden)
    delete_user(kit.services.database, kit.drop, "bob")
    with kit.services.database.read() as session:
        assert [asked.path for asked in removals.all_asked(session)] == ["bob.png"]


def test_a_later_upload_of_the_same_photo_is_no_remnant(kit: GalleryKit) -> None:
    kit.enroll("bob.png", 5)
    (kit.drop / "bob.png").unlink()
    delete_user(kit.services.database, kit.drop, "bob")
    kit.put("bob.png", portrait(5))
    kit.scan_and_convert()
    assert kit.who(5) == "bob"
    with kit.services.database.read() as session:
        assert removals.all_asked(session) == []


def test_nothing_under_a_deleted_name_is_left(kit: GalleryKit) -> None:
    kit.enroll("bob/1.png", 5)
    kit.put("bob.JSON", b'{"name": "Bob"}')
    kit.put("bob/x.avif", b"what phones make")
    kit.put("bob/.1.png.77.0a1b2c3d.tmp", portrait(5))
    kit.put("bob.txt", b"a note of HR's")
    kit.scan_and_convert()
    delete_user(kit.services.database, kit.drop, "bob")
    assert [path.name for path in kit.drop.rglob("*")] == ["bob.txt"]


def test_somebody_who_was_never_enrolled_can_be_deleted(kit: GalleryKit) -> None:
    kit.put("bob.png", b"no photo")
    kit.scan_and_convert()
    delete_user(kit.services.database, kit.drop, "bob")
    assert kit.statuses() == {}
    with pytest.raises(NotFound):
        delete_user(kit.services.database, kit.drop, "bob")


def test_a_vanished_file_of_a_deleted_person_leaves_no_row(kit: GalleryKit) -> None:
    kit.enroll("bob.png", 5)
    delete_user(kit.services.database, kit.drop, "bob")
    assert kit.convert("bob.png").code == "vanished"
    assert kit.statuses() == {}


def test_a_posted_photo_under_a_taken_name_is_not_stored(kit: GalleryKit) -> None:
    kit.enroll("anna.png", 5)
    with pytest.raises(ConflictError):
        kit.engine.enrollment.enroll("Anna", portrait(6))
    assert [path.name for path in kit.drop.iterdir()] == ["anna.png"]


def test_nothing_is_enrolled_into_a_space_that_is_not_served(kit: GalleryKit) -> None:
    other: EmbeddingSpec = spec(weights="1" * 64)
    with kit.services.database.write() as session:
        gallery.record(session, Chosen(EMBEDDER, "changed meanwhile", other))
    outcome = kit.enroll("bob.png", 5)
    assert (outcome.status, outcome.code) == ("pending", "not_ready")
    with kit.services.database.read() as session:
        assert users.count(session) == 0


@pytest.mark.parametrize("blob", [b"", b"\0" * 256, b"\xff" * 256, b"short"])
def test_one_damaged_embedding_does_not_stop_the_others(kit: GalleryKit, blob: bytes) -> None:
    kit.enroll("anna.png", 5)
    damaged = kit.enroll("bob.png", 6)
    with kit.services.database.write() as session:
        session.execute(
            text("UPDATE faces SET embedding = :blob WHERE id = :id"),
            {"blob": blob, "id": damaged.face_id},
        )
    kit.services.close()
    with gallery_in(kit.drop.parent) as again:
        assert again.who(5) == "anna"
        assert again.who(6) is None


def test_a_face_that_is_anothers_by_now_names_nobody(kit: GalleryKit) -> None:
    old = kit.enroll("bob.png", 5)
    assert old.face_id is not None
    delete_user(kit.services.database, kit.drop, "bob")
    kit.enroll("bob.png", 6)
    with kit.services.database.read() as session:
        assert users.owner_of_face(session, old.face_id) is None


def test_retry_leaves_profiles_alone(kit: GalleryKit) -> None:
    from pipeline.reconcile import retry
    from pipeline.side_files import SideFiles

    kit.put("bob.json", b"{")
    SideFiles(kit.services.database, kit.drop).apply(kit.reconciler.scan().profiles[0])
    assert retry(kit.services.database, photos.Status.REJECTED, None) == 0
    assert kit.statuses() == {"bob.json": "rejected"}


def test_a_ledger_of_many_rows_is_marked_in_short_transactions(kit: GalleryKit) -> None:
    with kit.services.database.write() as session:
        photos.add_pending(session, [(f"p{number}.png", f"p{number}") for number in range(5000)])
    kit.reconciler.scan()
    with kit.services.database.read() as session:
        assert photos.counts(session)[photos.Status.REJECTED] == 5000


def test_abandoned_temporaries_of_ours_are_swept(kit: GalleryKit) -> None:
    import os

    ours, others, fresh = (
        kit.drop / name
        for name in (".1.png.77.0a1b2c3d.tmp", ".in.1.png.tmp", ".2.png.77.0a1b2c3d.tmp")
    )
    for path in (ours, others, fresh):
        path.write_bytes(portrait(5))
    for path in (ours, others):
        os.utime(path, (1, 1))
    kit.reconciler.scan()
    assert not ours.exists()
    assert others.exists()
    assert fresh.exists()
    assert PurePosixPath(fresh.name) not in {entry.path for entry in kit.reconciler.scan().work}
