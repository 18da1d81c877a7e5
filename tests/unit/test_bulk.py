"""Many photos at once: the same ledger as one by one, bounded, and each for itself."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from core.errors import Busy
from db import photos
from db.models import PhotoRow
from db.session import Database, Session
from pipeline.bulk import Bulk
from pipeline.bulk_commit import Result
from pipeline.bulk_guard import InternalError
from pipeline.converter import Content, Converter
from pipeline.drop import Entry, look_at
from pipeline.ledger import Outcome
from tests.fakes import BUG, NOT_A_NUMBER, group, portrait
from tests.gallery_kit import GalleryKit, gallery_in

PEOPLE = range(1, 21)
PHOTOS = 300


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[GalleryKit]:
    with gallery_in(tmp_path) as kit:
        yield kit
        kit.check()


def in_bulk(kit: GalleryKit, entries: Sequence[Entry], threads: int = 3) -> list[Outcome | None]:
    with Bulk(kit.engine.converter, threads) as bulk:
        return [outcome for _, outcome in bulk.convert_all(entries)]


def put_all(kit: GalleryKit) -> None:
    """20 people are known; of 300 new photos, two in three are good."""
    for person in PEOPLE:
        kit.enroll(f"known{person}.png", person)
    kinds: list[tuple[str, Callable[[int], bytes]]] = [
        ("new{}.png", lambda n: portrait(100 + n)),
        ("known{}/second.png", lambda n: portrait(n % 20 + 1, shade=5)),
        ("fresh{}.png", lambda n: portrait(200 + n)),
        ("broken{}.png", lambda n: b"no photo %d" % n),
        ("two{}.png", lambda n: group([1 + n % 9, 20 + n], [60, 60])),
        ("known{}/stranger.png", lambda n: portrait(401 + n)),
        ("bug{}.png", lambda n: portrait(BUG)),
        ("nan{}.png", lambda n: portrait(NOT_A_NUMBER)),
        ("copy{}.png", lambda n: portrait(n % 20 + 1)),
        ("KNOWN{}.png", lambda n: portrait(430 + n)),
    ]
    for number in range(PHOTOS):
        name, made = kinds[number % len(kinds)]
        kit.put(name.format(number // 10 % 20 + 1), made(number // 10 % 20))
    os.mkfifo(kit.drop / "fifo.jpg")
    (kit.drop / "link.jpg").symlink_to("/etc/passwd")
    kit.put("gone.png", portrait(5))


def one_by_one(kit: GalleryKit, entries: Sequence[Entry]) -> list[Outcome | None]:
    return [one(kit, entry) for entry in entries]


def one(kit: GalleryKit, entry: Entry) -> Outcome:
    try:
        return kit.engine.converter.convert(entry.path)
    except RuntimeError:
        fault = InternalError("an internal error; it will be tried again")
        return kit.engine.converter.refuse(entry.path, entry.identity, fault)


def told(row: PhotoRow) -> tuple[object, ...]:
    known = (row.path, row.user_id, row.status, row.code, row.message, row.sha256)
    tried = (row.present, row.attempts, row.begun, row.next_attempt_at is None)
    return (*known, *tried, row.face_id is None)


def ledger_after(
    folder: Path, convert: Callable[[GalleryKit, Sequence[Entry]], list[Outcome | None]]
) -> tuple[list[tuple[object, ...]], Counter[tuple[str, str | None]]]:
    with gallery_in(folder) as kit:
        put_all(kit)
        work = kit.reconciler.scan().work
        (kit.drop / "gone.png").unlink()
        outcomes = [outcome for outcome in convert(kit, work) if outcome is not None]
        assert sorted(outcome.path for outcome in outcomes) == sorted(one.key for one in work)
        kit.check()
        with kit.services.database.read() as session:
            rows = [told(row) for row in photos.all_by_path(session)]
        return rows, Counter((outcome.status, outcome.code) for outcome in outcomes)


def test_the_ledger_is_the_same_as_one_by_one(tmp_path: Path) -> None:
    single, single_counts = ledger_after(tmp_path / "single", one_by_one)
    bulk, bulk_counts = ledger_after(tmp_path / "bulk", in_bulk)
    assert bulk == single
    assert bulk_counts == single_counts
    codes = {code for _, code in bulk_counts}
    assert codes >= {None, "unsupported_image", "multiple_faces", "face_conflict", "internal"}
    assert codes >= {"model_error", "conflict", "vanished", "not_regular_file"}


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many writing transactions there were, as its one number."""
    count = [0]
    write = Database.write

    def counting(own: Database) -> AbstractContextManager[Session]:
        count[0] += 1
        return write(own)

    monkeypatch.setattr(Database, "write", counting)
    return count


def test_far_fewer_transactions_are_written(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for person in range(1, 101):
        kit.put(f"p{person}.png", portrait(person))
    work = kit.reconciler.scan().work
    count = counted(monkeypatch)
    assert [outcome and outcome.status for outcome in in_bulk(kit, work)] == ["enrolled"] * 100
    assert count[0] <= 50, "one by one it is 200"


class Watched:
    """Counts the photos between their reading and their outcome, and those being examined."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._lock = threading.Lock()
        self.flying = self.most_flying = self.examined = self.most_examined = 0
        self.beside: dict[str, int] = {}
        self.gates: dict[str, threading.Event] = {}
        self.begun = threading.Event()
        read, examine, finish = Converter.read, Converter.examine, Converter.finish

        def reading(own: Converter, path: object) -> object:
            self._count(flying=1)
            return read(own, path)  # type: ignore[arg-type]

        def examining(own: Converter, content: Content, accept: bool = False) -> Result:
            self._count(examined=1)
            self.beside[content.name.user_id] = self.flying
            self.begun.set()
            if content.name.key in self.gates:
                assert self.gates[content.name.key].wait(60)
            try:
                return examine(own, content, accept)
            finally:
                self._count(examined=-1)

        def finishing(own: Converter, results: Sequence[Result]) -> list[Outcome]:
            outcomes = finish(own, results)
            self._count(flying=-len(outcomes))
            return outcomes

        monkeypatch.setattr(Converter, "read", reading)
        monkeypatch.setattr(Converter, "examine", examining)
        monkeypatch.setattr(Converter, "finish", finishing)

    def _count(self, flying: int = 0, examined: int = 0) -> None:
        with self._lock:
            self.flying += flying
            self.examined += examined
            self.most_flying = max(self.most_flying, self.flying)
            self.most_examined = max(self.most_examined, self.examined)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def put_people(kit: GalleryKit, count: int) -> Sequence[Entry]:
    for person in range(1, count + 1):
        kit.put(f"p{person:03}.png", portrait(person))
    return kit.reconciler.scan().work


def test_no_more_is_in_flight_than_the_window(kit: GalleryKit, watched: Watched) -> None:
    work = put_people(kit, 60)
    with Bulk(kit.engine.converter, 2, window=10, batch=4) as bulk:
        ended = list(bulk.convert_all(work))
    assert {outcome.status for _, outcome in ended if outcome} == {"enrolled"}
    assert len(ended) == 60
    assert 3 < watched.most_flying <= 10
    assert watched.most_examined <= 2


def test_large_files_are_fewer_in_flight(
    kit: GalleryKit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = put_people(kit, 20)
    size_bytes = max(entry.identity.size_bytes for entry in work)
    monkeypatch.setattr("pipeline.bulk._WINDOW_BYTES", 3 * size_bytes)
    assert len(in_bulk(kit, work)) == 20
    assert watched.most_flying <= 4


def test_a_slow_photo_stops_no_other(kit: GalleryKit, watched: Watched) -> None:
    work = put_people(kit, 40)
    gate = watched.gates["p007.png"] = threading.Event()
    ended = []
    with Bulk(kit.engine.converter, 2) as bulk:
        for entry, outcome in bulk.convert_all(work):
            ended.append((entry.key, outcome and outcome.status))
            if len(ended) == 39:
                assert kit.statuses()["p007.png"] == "pending"
                gate.set()
    assert ended[-1] == ("p007.png", "enrolled")
    assert set(kit.statuses().values()) == {"enrolled"}


def test_the_first_photo_of_a_person_tells_who_it_is(kit: GalleryKit, watched: Watched) -> None:
    """Though a stranger's, put after it, is finished before."""
    kit.put("anna/1.png", portrait(5))
    kit.put("anna/2.png", portrait(6))
    kit.put("bert.png", portrait(7))
    gate = watched.gates["anna/1.png"] = threading.Event()
    ended = []
    with Bulk(kit.engine.converter, 3) as bulk:
        for entry, outcome in bulk.convert_all(kit.reconciler.scan().work):
            ended.append((entry.key, outcome and outcome.status))
            gate.set()
    assert ended == [
        ("bert.png", "enrolled"),
        ("anna/1.png", "enrolled"),
        ("anna/2.png", "conflict"),
    ]


def test_what_was_cut_off_before_is_converted_alone(kit: GalleryKit, watched: Watched) -> None:
    work = put_people(kit, 40)
    cut_off = {f"p{number:03}" for number in (3, 17, 18)}
    with kit.services.database.write() as session:
        for entry in work:
            if entry.path.stem in cut_off:
                row = photos.find_or_create(session, entry.key, entry.user_id)
                row.begun, row.identity = 1, str(entry.identity)
    assert len(in_bulk(kit, work)) == 40
    assert set(kit.statuses().values()) == {"enrolled"}
    # They were read twice: first beside the others, and put aside.
    alone = {name for name, flying in watched.beside.items() if flying == 1 + len(cut_off)}
    assert cut_off <= alone
    assert max(watched.beside.values()) > 10


def test_what_was_not_tried_when_it_ends_is_as_if_it_never_came(
    kit: GalleryKit, watched: Watched
) -> None:
    work = put_people(kit, 10)
    gates = [watched.gates.setdefault(entry.key, threading.Event()) for entry in work]
    bulk = Bulk(kit.engine.converter, 1)
    for entry in work:
        bulk.put(entry)
    while not watched.begun.is_set() or bulk._examining < 10:
        bulk.turn(0.05)
    gates[0].set()
    ended = bulk.close()
    assert [entry.key for entry, _ in ended] == ["p001.png"]
    rows = {entry.key: kit.row(entry.key) for entry in work}
    assert {row.begun for row in rows.values() if row is not None} == {0}
    assert Counter(kit.statuses().values()) == {"enrolled": 1, "pending": 9}
    for gate in gates:
        gate.set()
    assert len(kit.scan_and_convert()) == 9


def test_two_contents_of_one_path_are_converted_one_after_the_other(kit: GalleryKit) -> None:
    kit.put("anna.png", portrait(5))
    first = look_at(kit.drop, kit.reconciler.scan().work[0].path)
    kit.put("anna.png", portrait(5, shade=6))
    second = look_at(kit.drop, kit.reconciler.scan().work[0].path)
    assert first is not None
    assert second is not None
    outcomes = in_bulk(kit, [first, second])
    assert [outcome and outcome.status for outcome in outcomes] == ["enrolled", "unchanged"]
    assert kit.engine.gallery.count == 1


def test_a_bug_in_the_commit_costs_only_its_photo(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.commit import Commits

    enroll = Commits.enroll

    def failing(
        own: Commits, session: Session, name: object, *rest: object, **more: object
    ) -> object:
        if name.user_id == "p007":  # type: ignore[attr-defined]
            raise RuntimeError("/secret/path")
        return enroll(own, session, name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Commits, "enroll", failing)
    in_bulk(kit, put_people(kit, 20))
    row = kit.row("p007.png")
    assert row is not None
    assert (row.status, row.code, row.begun) == ("pending", "internal", 0)
    assert Counter(kit.statuses().values()) == {"enrolled": 19, "pending": 1}


@pytest.mark.parametrize("refusals", [1, 1000])
def test_a_busy_database_leaves_photos_pending(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch, refusals: int
) -> None:
    work = put_people(kit, 20)
    write, left = Database.write, [refusals]

    def busy(own: Database) -> AbstractContextManager[Session]:
        if left[0] > 0:
            left[0] -= 1
            raise Busy("the database is busy; try again")
        return write(own)

    monkeypatch.setattr(Database, "write", busy)
    outcomes = in_bulk(kit, work)
    assert len(outcomes) == 20
    assert (None in outcomes) == (refusals > 1)
    monkeypatch.undo()
    assert "rejected" not in kit.statuses().values()
    with kit.services.database.write() as session:
        for row in photos.all_by_path(session):
            row.next_attempt_at = None
    in_bulk(kit, kit.reconciler.scan().work)
    assert set(kit.statuses().values()) == {"enrolled"}
