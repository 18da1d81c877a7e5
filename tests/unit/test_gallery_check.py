"""An index that is not the database's is found out, made anew, and never missed meanwhile."""

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from core.errors import StorageFull
from core.types import FaceAdded
from index import FaceIndex, OnProgress
from index.arrays import Ids, Rows
from pipeline.gallery_feed import Fault
from pipeline.upkeep import Upkeep
from tests.fakes import color_of, vector_of
from tests.gallery_kit import GalleryKit, gallery_in


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[GalleryKit]:
    with gallery_in(tmp_path) as kit:
        yield kit


def enroll(kit: GalleryKit, people: Iterable[int]) -> None:
    for person in people:
        assert kit.enroll(f"p{person}.png", person).status == "enrolled"


def everyone_is_found(kit: GalleryKit, people: Iterable[int], others: Iterable[int] = ()) -> None:
    assert [kit.who(person) for person in people] == [f"p{person}" for person in people]
    assert [kit.who(person) for person in others] == [None for _ in others]


def back_up(kit: GalleryKit, copy: Path) -> None:
    with sqlite3.connect(kit.services.settings.data_dir / "kenal.sqlite3") as source:
        target = sqlite3.connect(copy)
        source.backup(target)
        target.close()
    source.close()


def restore(data_dir: Path, copy: Path) -> None:
    for name in ("kenal.sqlite3-wal", "kenal.sqlite3-shm"):
        (data_dir / name).unlink(missing_ok=True)
    shutil.copyfile(copy, data_dir / "kenal.sqlite3")


def test_a_restored_backup_under_an_index_of_a_later_time(tmp_path: Path) -> None:
    """Ids and seqs are given out again, so only the embeddings tell the two times apart."""
    copy, index, away = (tmp_path / name for name in ("copy", "var/index", "away"))
    with gallery_in(tmp_path) as kit:
        enroll(kit, (1, 2, 3))
        back_up(kit, copy)
        enroll(kit, (4, 5))
        kit.check()
        kit.engine.gallery.index.compact()
        position = kit.engine.gallery.index.position
    restore(tmp_path / "var", copy)
    for person in (4, 5):
        (tmp_path / "photo_storage" / f"p{person}.png").unlink()
    index.rename(away)
    with gallery_in(tmp_path) as kit:
        enroll(kit, (6, 7, 8))
    shutil.rmtree(index, ignore_errors=True)
    away.rename(index)
    with gallery_in(tmp_path) as kit:
        live = kit.engine.gallery
        assert live.index.position > position, "the position alone tells nothing"
        assert live.repair is not None
        assert live.repair.what == (
            "the index does not match the database: 0 faces were missing in it, "
            "0 were not in the database, 2 had another embedding"
        )
        everyone_is_found(kit, (1, 2, 3, 6, 7, 8), others=(4, 5))
        kit.check()


def forget_the_last_face(kit: GalleryKit) -> None:
    """What a backup of before the third enrollment, put back, amounts to."""
    with kit.services.database.write() as session:
        session.execute(text("UPDATE users SET face_id = NULL WHERE user_id = 'p3'"))
        session.execute(text("UPDATE photos SET face_id = NULL WHERE face_id = 3"))
        session.execute(text("DELETE FROM faces WHERE id = 3"))
        session.execute(text("UPDATE sqlite_sequence SET seq = 2 WHERE name = 'faces'"))
        session.execute(text("UPDATE gallery SET seq = 2"))


def test_a_database_set_back_under_a_running_process(kit: GalleryKit) -> None:
    enroll(kit, (1, 2, 3))
    live = kit.engine.gallery
    assert live.catch_up() is None
    forget_the_last_face(kit)
    assert live.catch_up() is Fault.AHEAD
    everyone_is_found(kit, (1, 2), others=(3,))
    enroll(kit, (4, 5))
    assert live.catch_up() is Fault.AHEAD, "the next numbers must not hide it"
    everyone_is_found(kit, (1, 2, 4, 5), others=(3,))
    assert live.count == 4
    assert live.mend()
    assert live.repair is not None
    assert live.repair.what.startswith(Fault.AHEAD)
    assert live.catch_up() is None
    assert not live.mend()
    everyone_is_found(kit, (1, 2, 4, 5), others=(3,))


@pytest.mark.parametrize("sealed", [True, False])
def test_a_database_set_back_and_mended_at_once(kit: GalleryKit, sealed: bool) -> None:
    enroll(kit, (1, 2, 3))
    live = kit.engine.gallery
    assert live.catch_up() is None
    if sealed:
        live.index.compact()
    forget_the_last_face(kit)
    assert live.mend()
    assert live.catch_up() is None
    enroll(kit, (4, 5))
    everyone_is_found(kit, (1, 2, 4, 5), others=(3,))
    assert live.index.face_ids().tolist() == [1, 2, 3, 4]


def spoil(monkeypatch: pytest.MonkeyPatch, change: float) -> None:
    """The index holds other embeddings than those it was given, each number by `change`."""
    vectors_of = FaceIndex.vectors_of

    def spoiled(own: FaceIndex, face_ids: Ids) -> Rows:
        rows = vectors_of(own, face_ids)
        return Rows(rows.faces, rows.vectors * np.float32(1 + change))

    monkeypatch.setattr(FaceIndex, "vectors_of", spoiled)


@pytest.mark.parametrize(("change", "differs"), [(0.0, False), (0.0004, False), (0.02, True)])
def test_embeddings_may_be_rounded_in_the_index_not_changed(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch, change: float, differs: bool
) -> None:
    enroll(kit, (1, 2, 3))
    spoil(monkeypatch, change)
    fault = kit.engine.gallery.compare()
    assert fault is (Fault.DIFFERENT if differs else None)
    everyone_is_found(kit, (1, 2, 3))
    monkeypatch.undo()
    assert not kit.engine.gallery.check(), "compared again before anything is made anew"
    assert kit.engine.gallery.catch_up() is None


def test_a_face_that_the_index_lost_is_found_all_the_same(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    enroll(kit, (1, 2, 3))
    live = kit.engine.gallery
    live.index.rebuild([FaceAdded(1, 1, vector_of(color_of(1)))], 3)
    assert kit.who(2) is None, "before anybody compares"
    assert live.compare() is Fault.DIFFERENT
    everyone_is_found(kit, (1, 2, 3))
    assert live.mend()
    assert live.repair is not None
    assert "2 faces were missing in it" in live.repair.what
    kit.check()
    everyone_is_found(kit, (1, 2, 3))


def test_a_damaged_embedding_is_no_difference(kit: GalleryKit) -> None:
    enroll(kit, (1, 2))
    with kit.services.database.write() as session:
        session.execute(text("UPDATE faces SET embedding = zeroblob(256) WHERE id = 2"))
    live = kit.engine.gallery
    live.rebuild()
    for _ in range(3):
        assert not live.check()
    everyone_is_found(kit, (1,), others=(2,))


class DamagedIndex:
    """Says what the checks in the background say when they find a segment damaged."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.problem: str | None = "segment 1: vectors: wrong checksum"
        rebuild = FaceIndex.rebuild

        def rebuilt(
            own: FaceIndex,
            rows: Iterable[FaceAdded],
            position: int,
            on_progress: OnProgress,
            *,
            anew: bool,
        ) -> None:
            rebuild(own, rows, position, on_progress, anew=anew)
            self.problem = None

        monkeypatch.setattr(FaceIndex, "problem", property(lambda _: self.problem))
        monkeypatch.setattr(FaceIndex, "sound", property(lambda _: self.problem is None))
        monkeypatch.setattr(FaceIndex, "rebuild", rebuilt)


def test_a_damage_found_while_it_runs(kit: GalleryKit, monkeypatch: pytest.MonkeyPatch) -> None:
    enroll(kit, (1, 2, 3))
    live = kit.engine.gallery
    live.rebuild()
    damaged = DamagedIndex(monkeypatch)
    monkeypatch.setattr(
        FaceIndex, "search", lambda *_, at_least: pytest.fail("a damaged index is asked")
    )
    assert live.catch_up() is Fault.DAMAGED
    everyone_is_found(kit, (1, 2, 3))
    assert not live.maintain(), "what is damaged is not written again"
    Upkeep(live, seals=False).run()
    assert damaged.problem is None
    assert live.repair is not None
    assert live.repair.what.startswith(Fault.DAMAGED)
    assert live.catch_up() is None


def test_a_published_index_that_cannot_be_read_is_made_anew_at_the_start(tmp_path: Path) -> None:
    with gallery_in(tmp_path) as kit:
        enroll(kit, (1, 2, 3))
        kit.engine.gallery.rebuild()
    for path in (tmp_path / "var" / "index").rglob("*"):
        if path.is_file():
            path.write_bytes(b"no index")
    with gallery_in(tmp_path) as kit:
        assert kit.engine.gallery.index.problem is None
        assert kit.engine.gallery.repair is not None
        everyone_is_found(kit, (1, 2, 3))
        kit.check()


def test_a_full_disk_keeps_nobody_from_being_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with gallery_in(tmp_path) as kit:
        enroll(kit, (1, 2, 3))
        kit.engine.gallery.index.rebuild([], 3)
    rebuild = FaceIndex.rebuild

    def full(*_: object, anew: bool) -> None:
        raise StorageFull("the disk is full")

    monkeypatch.setattr(FaceIndex, "rebuild", full)
    with gallery_in(tmp_path) as kit:
        everyone_is_found(kit, (1, 2, 3))
        Upkeep(kit.engine.gallery, seals=True).run()
        warnings = [record.getMessage() for record in caplog.records if record.levelname[0] == "W"]
        assert sum("[StorageFull" in warning for warning in warnings) == 2
        assert str(tmp_path) not in caplog.text
        monkeypatch.setattr(FaceIndex, "rebuild", rebuild)
        Upkeep(kit.engine.gallery, seals=True).run()
        kit.check()
