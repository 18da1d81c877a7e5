"""An index is fed in batches, made anew while searches go on, replayed where it is far behind."""

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from core.errors import KenalError
from core.types import Change, EmbeddingSpec, FaceAdded, Match, Vector
from db.session import Database
from index import FaceIndex, OnProgress, Policy
from pipeline import engine, gallery, gallery_feed, gallery_rows, services
from pipeline.deletion import delete_user
from pipeline.gallery_feed import Fault
from pipeline.heartbeat import beat, last_beat
from pipeline.upkeep import Upkeep
from tests.fakes import color_of, fake_settings, make_services, vector_of
from tests.gallery_kit import GalleryKit, gallery_in

PEOPLE = range(1, 12)


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[GalleryKit]:
    with gallery_in(tmp_path) as kit:
        for person in PEOPLE:
            kit.enroll(f"p{person}.png", person)
        delete_user(kit.services.database, kit.drop, "p4")
        yield kit


def everyone_is_found(kit: GalleryKit) -> None:
    for person in PEOPLE:
        assert kit.who(person) == (None if person == 4 else f"p{person}")


class Batches:
    """How many changes the index was given at a time, and how many transactions were open then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        apply = FaceIndex.apply

        def counted(own: FaceIndex, new: Sequence[Change], position: int, after: int) -> None:
            self.sizes.append(len(new))
            apply(own, new, position, after)

        monkeypatch.setattr(FaceIndex, "apply", counted)
        monkeypatch.setattr(gallery_feed, "_BATCH", 3)
        monkeypatch.setattr(gallery_rows, "_BATCH", 3)


def test_catching_up_is_done_in_batches(kit: GalleryKit, monkeypatch: pytest.MonkeyPatch) -> None:
    kit.services.close()
    batches = Batches(monkeypatch)
    with gallery_in(kit.drop.parent) as again:
        assert batches.sizes == [3, 3, 3, 2]
        everyone_is_found(again)
        again.check()


def test_a_rebuild_holds_no_transaction(kit: GalleryKit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two batches, and while the index is built, nothing is open in the database."""
    Batches(monkeypatch)
    open_now: set[object] = set()
    ever: list[object] = []
    most: list[int] = []
    rebuild = FaceIndex.rebuild

    def watched(
        own: FaceIndex,
        rows: Iterable[FaceAdded],
        position: int,
        on_progress: OnProgress,
        *,
        anew: bool,
    ) -> None:
        def looked_at() -> Iterator[FaceAdded]:
            for row in rows:
                most.append(len(open_now))
                yield row

        rebuild(own, looked_at(), position, on_progress, anew=anew)
        most.append(len(open_now))

    def opened(connection: object, *_: object) -> None:
        open_now.add(connection)
        ever.append(connection)

    def closed(connection: object, *_: object) -> None:
        open_now.discard(connection)

    monkeypatch.setattr(FaceIndex, "rebuild", watched)
    event.listen(Engine, "checkout", opened)
    event.listen(Engine, "checkin", closed)
    try:
        kit.engine.gallery.rebuild()
    finally:
        event.remove(Engine, "checkout", opened)
        event.remove(Engine, "checkin", closed)
    assert len(ever) > 4, "a transaction for each batch of three"
    assert most == [0] * (len(PEOPLE) - 1 + 1)
    everyone_is_found(kit)


def test_changes_during_a_rebuild_are_in_it(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Enrolled, removed and searched by others while the rows are read."""
    monkeypatch.setattr(gallery_rows, "_BATCH", 3)
    rebuild = FaceIndex.rebuild

    def slow(
        own: FaceIndex,
        rows: Iterable[FaceAdded],
        position: int,
        on_progress: OnProgress,
        *,
        anew: bool,
    ) -> None:
        def meanwhile() -> Iterator[FaceAdded]:
            for place, row in enumerate(rows):
                if place == 1:
                    kit.enroll("p20.png", 20)
                    delete_user(kit.services.database, kit.drop, "p11")
                    assert [kit.who(20), kit.who(11), kit.who(5)] == ["p20", None, "p5"]
                yield row

        rebuild(own, meanwhile(), position, on_progress, anew=anew)

    monkeypatch.setattr(FaceIndex, "rebuild", slow)
    kit.engine.gallery.rebuild()
    assert [kit.who(20), kit.who(11), kit.who(5)] == ["p20", None, "p5"]
    kit.check()


@pytest.mark.parametrize("sealed", [0, 3])
def test_an_index_far_behind_is_never_replayed_in_memory(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch, sealed: int
) -> None:
    rows = [FaceAdded(at, at, vector_of(color_of(at))) for at in range(1, sealed + 1)]
    kit.engine.gallery.index.rebuild(rows, sealed)
    kit.services.close()
    monkeypatch.setattr(gallery_feed, "FAR_BEHIND", 5)
    monkeypatch.setattr(engine, "_MENDED_AT_START", 0)
    with gallery_in(kit.drop.parent) as again:
        live = again.engine.gallery
        assert live.catch_up() is Fault.BEHIND
        assert live.index.count == sealed
        everyone_is_found(again)
        assert live.count == len(PEOPLE) - 1
        Upkeep(live, seals=False).run()
        assert live.catch_up() is None
        everyone_is_found(again)
        again.check()


def test_comparing_with_the_database_finds_what_the_index_finds(kit: GalleryKit) -> None:
    live = kit.engine.gallery
    probes = [vector_of(color_of(person, 5)) for person in PEOPLE]
    live.catch_up()
    for probe in probes:
        by_index = live.index.search(probe, 6)
        by_database = gallery_rows.nearest(
            kit.services.database, live.index.spec, probe, 6, live.index.position
        )
        assert [match.face_id for match in by_index] == [match.face_id for match in by_database]
        assert np.allclose(
            [match.similarity for match in by_index], [match.similarity for match in by_database]
        )


def test_long_searches_do_not_pile_up(kit: GalleryKit, monkeypatch: pytest.MonkeyPatch) -> None:
    live = kit.engine.gallery
    live.index.rebuild([], 12)
    assert live.compare() is Fault.DIFFERENT
    monkeypatch.setattr(gallery, "_COMPARE_WAIT_SECONDS", 0.01)
    probe = vector_of(color_of(5))
    refused: list[KenalError] = []
    nearest = gallery_rows.nearest

    def slow(
        database: Database, space: EmbeddingSpec, query: Vector, wanted: int, upto: int
    ) -> list[Match]:
        try:
            live.search(probe, 1)
        except KenalError as error:
            refused.append(error)
        return nearest(database, space, query, wanted, upto)

    monkeypatch.setattr(gallery_rows, "nearest", slow)
    assert [found.user_id for found in live.search(probe, 1)] == ["p5"]
    assert [error.code for error in refused] == ["busy"]
    assert refused[0].retryable
    monkeypatch.undo()
    everyone_is_found(kit)


def test_one_process_mends_and_the_others_take_it(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.engine.gallery.index.rebuild([], 12)
    monkeypatch.setattr(engine, "_MENDED_AT_START", 0)
    rebuilt: list[FaceIndex] = []
    rebuild = FaceIndex.rebuild

    def counted(
        own: FaceIndex,
        rows: Iterable[FaceAdded],
        position: int,
        on_progress: OnProgress,
        *,
        anew: bool,
    ) -> None:
        rebuilt.append(own)
        rebuild(own, rows, position, on_progress, anew=anew)

    monkeypatch.setattr(FaceIndex, "rebuild", counted)
    with gallery_in(kit.drop.parent) as second, gallery_in(kit.drop.parent) as third:
        kits = (kit, second, third)
        assert [one.engine.gallery.compare() for one in kits] == [Fault.DIFFERENT] * 3
        threads = [threading.Thread(target=one.engine.gallery.mend) for one in kits]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(rebuilt) == 1
        assert sum(one.engine.gallery.repair is not None for one in kits) == 1
        for one in kits:
            assert one.engine.gallery.catch_up() is None
            everyone_is_found(one)


def test_a_build_is_told_while_it_runs(kit: GalleryKit, monkeypatch: pytest.MonkeyPatch) -> None:
    live, settings = kit.engine.gallery, kit.services.settings
    told: list[dict[str, object] | None] = []
    heard: list[tuple[str, int, int]] = []

    def building(own: FaceIndex, on_progress: OnProgress) -> bool:
        on_progress("trees", 7, 50)
        beat(settings, "events", 0, live)
        said = last_beat(settings)
        told.append(said.work if said else None)
        return True

    monkeypatch.setattr(FaceIndex, "maintain", building)
    assert live.maintain(lambda *said: heard.append(said))
    assert told == [{"stage": "trees", "done": 7, "total": 50}]
    assert heard == [("trees", 7, 50)]
    assert live.work is None


def test_sealing_is_logged(kit: GalleryKit, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    kit.engine.gallery.index.compact()
    for file in (kit.services.settings.data_dir / "index").rglob("manifest*"):
        file.unlink()
    Upkeep(kit.engine.gallery, seals=True).run()
    assert "the index was sealed: 10 faces in 1 segments" in caplog.text


@pytest.mark.parametrize(("asked", "jobs"), [(0, os.cpu_count()), (1, 1), (3, 3)])
def test_builds_take_the_cores_they_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: int, jobs: int
) -> None:
    used: list[int] = []
    opened = FaceIndex.open

    def opening(directory: Path, space: EmbeddingSpec, policy: Policy) -> FaceIndex:
        used.append(policy.build_jobs)
        return opened(directory, space, policy)

    monkeypatch.setattr(FaceIndex, "open", opening)
    settings = fake_settings(tmp_path).model_copy(update={"index_threads": asked})
    made = make_services(settings)
    made.start()
    made.close()
    assert used == [jobs]


def test_a_process_without_a_watcher_mends_its_own_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_UPKEEP_SECONDS", 0.01)
    made = make_services(fake_settings(tmp_path))
    kit = GalleryKit(made, made.start())
    kit.enroll("p1.png", 1)
    live = kit.engine.gallery
    live.index.rebuild([], 1)
    assert live.compare() is Fault.DIFFERENT
    made.start_in_background()
    deadline = time.monotonic() + 60
    while live.repair is None and time.monotonic() < deadline:
        time.sleep(0.01)
    made.close()
    assert live.repair is not None
    assert kit.who(1) == "p1"
    made.database.close()
