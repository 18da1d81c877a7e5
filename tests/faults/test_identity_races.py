"""Nobody is named who is not enrolled at that moment, whatever happens at the same time."""

import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from core.errors import KenalError, ModelError
from core.names import PhotoName
from core.types import Decision, EmbeddingSpec, FaceAdded, Match, Vector
from db import faces, users
from db.faces import StoredFace
from db.session import Session
from index import FaceIndex
from pipeline import deletion
from pipeline.bulk_commit import Batches, Result
from pipeline.commit import Analyzed, Arrival, Commits, Committed, Searched
from pipeline.deletion import delete_user
from pipeline.ledger import Outcome
from pipeline.recognizer import Question
from pipeline.terms import Terms
from tests.fakes import DIMENSIONS, color_of, portrait, spec, vector_of
from tests.gallery_kit import GalleryKit, gallery_in

ROOT = Path(__file__).resolve().parent.parent.parent
RACERS = range(1, 501)


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[GalleryKit]:
    with gallery_in(tmp_path) as kit:
        yield kit


def add_face(kit: GalleryKit, user_id: str, vector: Vector, space: EmbeddingSpec) -> None:
    with kit.services.database.write() as session:
        faces.add(session, users.find_or_create(session, user_id), space, vector, {})


@pytest.mark.parametrize("sealed", [True, False])
def test_another_models_embeddings_are_never_compared(kit: GalleryKit, sealed: bool) -> None:
    """The very same numbers mean somebody else in another space."""
    kit.enroll("anna.png", 1)
    for number in range(50):
        add_face(kit, f"other-{number}", vector_of(color_of(2)), spec(weights="1" * 64))
    add_face(kit, "anna", vector_of(color_of(2)), spec(weights="1" * 64))
    live = kit.engine.gallery
    if sealed:
        live.rebuild()
    assert live.count == 1
    assert kit.who(2) is None
    assert [found.user_id for found in live.search(vector_of(color_of(2)), 5)] == ["anna"]
    assert live.search(vector_of(color_of(2)), 5)[0].similarity < 0.5
    for user_id in ("other-7", "anna"):
        question = Question(user_id=user_id)
        answer = kit.engine.recognizer.recognize(portrait(2), question).answers[0]
        assert answer.decision is Decision.NO_MATCH
    assert not live.check()
    assert kit.who(1) == "anna"


class Meanwhile:
    """Another thread does `work` while the one that comes by here stands still."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._barrier = threading.Barrier(2, timeout=60)
        self._going = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def happens(self) -> None:
        self._barrier.wait()
        self._barrier.wait()

    def end(self) -> None:
        self._going = False
        self._barrier.wait()
        self._thread.join()

    def _run(self) -> None:
        while self._going:
            self._barrier.wait()
            if self._going:
                self._work()
                self._barrier.wait()


class Races:
    """Deletes the person asked for at one of the places of a search, once a race."""

    def __init__(self, kit: GalleryKit, monkeypatch: pytest.MonkeyPatch) -> None:
        self._kit = kit
        self._armed: str | None = None
        self._doomed = ""
        self.fired = 0
        self.meanwhile = Meanwhile(self._delete)
        search, by_ids = FaceIndex.search, faces.by_ids

        def searching(own: FaceIndex, query: Vector, k: int, at_least: int) -> list[Match]:
            self._at("asked")
            found = search(own, query, k, at_least)
            self._at("proposed")
            return found

        def reading(
            session: Session, face_ids: Sequence[int], space: EmbeddingSpec
        ) -> list[StoredFace]:
            found = by_ids(session, face_ids, space)
            self._at("confirmed")
            return found

        monkeypatch.setattr(FaceIndex, "search", searching)
        monkeypatch.setattr(faces, "by_ids", reading)

    def race(self, person: int, place: str) -> str | None:
        """Whom a photo of a person is recognized as who is deleted when the search is there."""
        self._armed, self._doomed = place, f"p{person}"
        answer = self._kit.engine.recognizer.recognize(portrait(person, 3), Question()).answers[0]
        assert (answer.profile is None) == (answer.decision is not Decision.MATCH)
        assert [found.user_id for found in answer.candidates] == []
        return answer.profile.user_id if answer.profile else None

    def _at(self, place: str) -> None:
        if place == self._armed:
            self._armed = None
            self.fired += 1
            self.meanwhile.happens()

    def _delete(self) -> None:
        with self._kit.services.database.write() as session:
            users.delete(session, users.get(session, self._doomed))


def test_a_person_deleted_during_a_search_is_never_named(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    races = Races(kit, monkeypatch)
    places = ("asked", "proposed", "confirmed")
    named = []
    for _ in range(2):
        with kit.services.database.write() as session:
            for person in RACERS:
                one = users.find_or_create(session, f"p{person}")
                faces.add(session, one, spec(), vector_of(color_of(person)), {})
        for person in RACERS:
            named.append(races.race(person, places[person % 3]))
    races.meanwhile.end()
    assert races.fired == len(named) == 1000
    assert [name for name in named if name is not None] == []
    assert kit.engine.gallery.count == 0


def by_file(kit: GalleryKit) -> str | None:
    kit.put("bob/2.png", portrait(5, 4))
    outcome = kit.convert("bob/2.png")
    return outcome.code or outcome.status


def by_post(kit: GalleryKit) -> str | None:
    try:
        return kit.engine.enrollment.enroll("bob", portrait(5, 4)).status
    except KenalError as error:
        return error.code


def nothing_of_bob_is_left(kit: GalleryKit) -> None:
    assert kit.who(5) is None
    kit.scan_and_convert()
    assert kit.who(5) is None
    assert [path.name for path in kit.drop.rglob("*")] == ["anna.png"]
    assert kit.statuses() == {"anna.png": "enrolled"}
    kit.check()


@pytest.mark.parametrize("second_photo", [by_file, by_post])
@pytest.mark.parametrize("deleted", ["before the commit", "after the commit"])
def test_a_person_deleted_while_their_second_photo_is_enrolled(
    kit: GalleryKit,
    monkeypatch: pytest.MonkeyPatch,
    second_photo: Callable[[GalleryKit], str | None],
    deleted: str,
) -> None:
    kit.enroll("anna.png", 1)
    kit.enroll("bob/1.png", 5)
    commit, settle = Commits.commit, Batches.settle
    gone: list[bool] = []

    def delete() -> None:
        delete_user(kit.services.database, kit.drop, "bob")
        gone.append(True)

    meanwhile = Meanwhile(delete)

    @contextmanager
    def deleting() -> Iterator[None]:
        if deleted == "before the commit" and not gone:
            meanwhile.happens()
        yield
        if deleted == "after the commit":
            meanwhile.happens()

    def committing(
        own: Commits,
        name: PhotoName,
        arrival: Arrival,
        face: Analyzed,
        terms: Terms,
        searched: Searched,
    ) -> Committed:
        with deleting():
            return commit(own, name, arrival, face, terms, searched)

    def settling(own: Batches, results: Sequence[Result]) -> list[Outcome]:
        with deleting():
            return settle(own, results)

    monkeypatch.setattr(Commits, "commit", committing)
    monkeypatch.setattr(Batches, "settle", settling)
    answer = second_photo(kit)
    meanwhile.end()
    assert gone == [True]
    assert (answer == "enrolled") == (deleted == "after the commit")
    nothing_of_bob_is_left(kit)


def test_a_second_photo_enrolled_while_its_person_is_being_deleted(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deletion has looked at the files already, and has not begun its transaction."""
    kit.enroll("anna.png", 1)
    kit.enroll("bob/1.png", 5)
    looked_at = deletion._hashes
    statuses: list[str] = []

    def slow(drop: Path, paths: Sequence[PurePosixPath]) -> dict[str, str]:
        found = looked_at(drop, paths)
        statuses.append(kit.enroll("bob/2.png", 5, shade=4).status)
        return found

    monkeypatch.setattr(deletion, "_hashes", slow)
    delete_user(kit.services.database, kit.drop, "bob")
    monkeypatch.undo()
    assert statuses == ["enrolled"]
    nothing_of_bob_is_left(kit)


@pytest.mark.parametrize("running", [True, False])
def test_an_old_index_put_back_does_not_bring_a_deleted_person_back(
    tmp_path: Path, running: bool
) -> None:
    """Their photo is back in the drop folder too, as an FTP share that was away leaves it."""
    index, copy = tmp_path / "var" / "index", tmp_path / "copy"
    with gallery_in(tmp_path) as kit:
        kit.enroll("bob/1.png", 5)
        kit.enroll("anna.png", 1)
        kit.engine.gallery.rebuild()
        shutil.copytree(index, copy)
        away = kit.drop.with_name("away")
        kit.drop.rename(away)
        kit.drop.mkdir()
        delete_user(kit.services.database, kit.drop, "bob")
        kit.engine.gallery.rebuild()
        kit.drop.rmdir()
        away.rename(kit.drop)
        shutil.rmtree(index)
        copy.rename(index)
        if running:
            nothing_of_bob_is_left(kit)
            assert kit.who(1) == "anna"
    with gallery_in(tmp_path) as again:
        nothing_of_bob_is_left(again)
        assert again.who(1) == "anna"


BAD = {
    "nan": np.full(DIMENSIONS, np.nan),
    "one nan": np.array([np.nan, *[1] * (DIMENSIONS - 1)]),
    "inf": np.full(DIMENSIONS, np.inf),
    "zero": np.zeros(DIMENSIONS),
    "short": np.ones(DIMENSIONS - 1),
    "long": np.ones(DIMENSIONS + 1),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_no_door_lets_a_vector_in_that_is_no_embedding(kit: GalleryKit, name: str) -> None:
    bad = BAD[name].astype(np.float32)
    kit.enroll("anna.png", 1)
    live = kit.engine.gallery
    live.rebuild()
    position = live.index.position
    doors: list[Callable[[], object]] = [
        lambda: live.search(bad, 1),
        lambda: live.index.search(bad, 1),
        lambda: live.index.apply([FaceAdded(position + 1, 99, bad)], position + 1),
        lambda: live.index.rebuild([FaceAdded(1, 99, bad)], position + 1),
        lambda: add_face(kit, "bob", bad, spec()),
    ]
    for door in doors:
        with pytest.raises(ModelError):
            door()
    assert live.index.face_ids().tolist() == [1]
    assert kit.who(1) == "anna"
    kit.check()


def test_a_broken_embedding_in_the_database_matches_nobody(kit: GalleryKit) -> None:
    """Also where the index is not asked, and for the claim that it is this person."""
    kit.enroll("anna.png", 1)
    kit.enroll("bob.png", 2)
    with kit.services.database.write() as session:
        session.connection().exec_driver_sql(
            "UPDATE faces SET embedding = ? WHERE id = 2", (b"\x00\x00\xc0\x7f" * DIMENSIONS,)
        )
    live = kit.engine.gallery
    live.index.rebuild([FaceAdded(2, 2, vector_of(color_of(2)))], 2)
    assert kit.who(2) is None, "the index alone has it"
    live.compare()
    assert [kit.who(1), kit.who(2)] == ["anna", None]
    question = Question(user_id="bob")
    answer = kit.engine.recognizer.recognize(portrait(2), question).answers[0]
    assert answer.decision is Decision.NO_MATCH


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.gallery_kit import gallery_in
with gallery_in(Path(sys.argv[1])) as kit:
    for person in (3, 4, 5):
        kit.enroll(f"p{person}.png", person)
    kit.engine.gallery.maintain()
    kit.engine.gallery.index.compact()
    kit.enroll("p6.png", 6)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_in(folder: Path) -> Path:
    """A gallery of two, to which a process added four before it was killed; its database."""
    with gallery_in(folder) as kit:
        kit.enroll("p1.png", 1)
        kit.enroll("p2.png", 2)
    program = [sys.executable, "-c", KILLED, str(folder)]
    child = subprocess.run(program, check=False, cwd=ROOT, timeout=120)
    assert child.returncode == -signal.SIGKILL
    database = folder / "var" / "kenal.sqlite3"
    assert database.with_name("kenal.sqlite3-wal").stat().st_size > 0
    return database


def found(kit: GalleryKit) -> list[str | None]:
    return [kit.who(person) for person in range(1, 7)]


@pytest.mark.parametrize("lost", [[], ["-shm"]])
def test_a_log_left_by_a_killed_process_is_read(tmp_path: Path, lost: list[str]) -> None:
    database = killed_in(tmp_path)
    for suffix in lost:
        database.with_name(f"{database.name}{suffix}").unlink()
    with gallery_in(tmp_path) as kit:
        assert found(kit) == [f"p{person}" for person in range(1, 7)]
        assert kit.engine.gallery.repair is None
        kit.check()


def test_a_lost_log_loses_its_people_and_confuses_nobody(tmp_path: Path) -> None:
    """The index knows of people whose commits went with the log: it is of a later time then."""
    database = killed_in(tmp_path)
    for suffix in ("-wal", "-shm"):
        database.with_name(f"{database.name}{suffix}").unlink()
    with gallery_in(tmp_path) as kit:
        assert found(kit) == ["p1", "p2", None, None, None, None]
        kit.check()
        assert kit.engine.gallery.repair is not None
        kit.enroll("p7.png", 7)
        assert kit.who(7) == "p7"
        assert kit.who(3) is None, "who has the number now is somebody else"
        kit.scan_and_convert()
        assert found(kit) == [f"p{person}" for person in range(1, 7)]
        kit.check()


@pytest.mark.parametrize("lost", ["-wal", "-shm"])
def test_what_is_beside_a_stopped_database_is_not_missed(tmp_path: Path, lost: str) -> None:
    with gallery_in(tmp_path) as kit:
        for person in range(1, 7):
            kit.enroll(f"p{person}.png", person)
        kit.engine.gallery.index.compact()
    database = tmp_path / "var" / "kenal.sqlite3"
    database.with_name(f"{database.name}{lost}").unlink(missing_ok=True)
    with gallery_in(tmp_path) as kit:
        assert found(kit) == [f"p{person}" for person in range(1, 7)]
        kit.check()
