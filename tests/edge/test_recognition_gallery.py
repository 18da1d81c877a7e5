"""The gallery's file: who is in it, who never comes back, and who may read it."""

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.recognition.gallery import Bounds, Gallery, TakenError
from edge.recognition.ids import IdError
from edge.recognition.matching import Person
from edge.recognition.network import Network, Vector
from edge.recognition.page import Page, SyncedFace
from edge.recognition.policy import Confirmed, Moment
from edge.recognition.storage import VERSION, GalleryError
from edge.recognition.synced import GalleryFullError

NETWORK = Network("tiny", "a" * 64, "arcface/1", 8, 0.5)
OTHER = replace(NETWORK, sha256="b" * 64)
NOW = 1_700_000_000.0


def vector(seed: int) -> Vector:
    values = np.random.default_rng(seed).normal(size=8)
    return np.asarray(values / np.linalg.norm(values), np.float32)


def synced(face_id: int, user_id: str, seed: int | None = None) -> SyncedFace:
    return SyncedFace(face_id, user_id, user_id.title(), vector(face_id if seed is None else seed))


def page(*faces: SyncedFace, deleted: tuple[int, ...] = (), reset: bool = False) -> Page:
    return Page(faces, frozenset(deleted), "cursor", complete=True, reset=reset)


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    one = Gallery(tmp_path)
    yield one
    one.close()


def known(gallery: Gallery, network: Network = NETWORK) -> set[tuple[str, str]]:
    return {(one.user_id, one.source) for one in gallery.roster(network).people}


def register(gallery: Gallery, user_id: str, *seeds: int) -> None:
    vectors = [vector(seed) for seed in seeds or (99,)]
    gallery.register(user_id, user_id.title(), vectors, NETWORK, NOW)


def put(gallery: Gallery, *faces: SyncedFace, deleted: tuple[int, ...] = ()) -> None:
    gallery.apply(page(*faces, deleted=deleted), NETWORK, gallery.cursor(NETWORK), NOW)


def test_everybody_is_there_after_a_restart(gallery: Gallery, tmp_path: Path) -> None:
    register(gallery, "anna", 1, 2)
    put(gallery, synced(7, "bert"))
    gallery.close()
    again = Gallery(tmp_path)
    roster = again.roster(NETWORK)
    assert roster.people == (Person("anna", "Anna", "local"), Person("bert", "Bert", "server"))
    assert roster.starts.tolist() == [0, 2]
    assert np.allclose(roster.matrix, [vector(1), vector(2), vector(7)], atol=1e-6)
    assert again.cursor(NETWORK) == "cursor"
    again.close()


def test_another_network_compares_nobody_and_keeps_everybody(gallery: Gallery) -> None:
    register(gallery, "anna")
    put(gallery, synced(7, "bert"))
    assert known(gallery, OTHER) == set()
    assert gallery.cursor(OTHER) is None
    assert [(one.user_id, one.faces) for one in gallery.people(OTHER)] == [("anna", 0), ("bert", 0)]
    assert len(known(gallery)) == 2


def test_a_sync_that_begins_again_leaves_who_was_registered_here(gallery: Gallery) -> None:
    register(gallery, "anna")
    put(gallery, synced(7, "bert"))
    assert gallery.apply(page(synced(8, "carl"), reset=True), NETWORK, "cursor", NOW)
    assert known(gallery) == {("anna", "local")}
    assert gallery.cursor(NETWORK) is None
    assert not gallery.apply(page(synced(8, "carl"), reset=True), NETWORK, None, NOW)
    assert known(gallery) == {("anna", "local"), ("carl", "server")}


@pytest.mark.parametrize("spelling", ["anna", "ANNA", "ａnna"])
def test_the_server_goes_before_who_was_registered_here(gallery: Gallery, spelling: str) -> None:
    register(gallery, spelling)
    put(gallery, synced(7, "anna"))
    assert known(gallery) == {("anna", "server")}
    assert [(one.source, one.superseded) for one in gallery.people(NETWORK)] == [
        ("local", True),
        ("server", False),
    ]
    with pytest.raises(TakenError):
        register(gallery, spelling)


def test_whom_the_server_deletes_does_not_come_back_as_registered_here(gallery: Gallery) -> None:
    register(gallery, "anna")
    put(gallery, synced(7, "anna"), synced(8, "anna"))
    put(gallery, deleted=(7,))
    assert known(gallery) == {("anna", "server")}
    put(gallery, deleted=(8,))
    assert gallery.people(NETWORK) == []


def test_who_is_superseded_stays_so_while_the_server_begins_again(gallery: Gallery) -> None:
    register(gallery, "anna")
    put(gallery, synced(7, "anna"))
    gallery.apply(page(reset=True), NETWORK, None, NOW)
    assert known(gallery) == set()
    register(gallery, "anna", 5)
    assert known(gallery) == {("anna", "local")}
    assert np.allclose(gallery.roster(NETWORK).matrix, vector(5), atol=1e-6)


def test_a_face_that_cannot_be_compared_supersedes_nobody(gallery: Gallery) -> None:
    register(gallery, "anna")
    put(gallery, SyncedFace(7, "anna", None, None))
    assert known(gallery) == {("anna", "local")}


def test_a_face_that_comes_again_is_replaced(gallery: Gallery) -> None:
    put(gallery, synced(7, "anna"))
    put(gallery, synced(7, "bert", seed=3))
    assert known(gallery) == {("bert", "server")}
    assert np.allclose(gallery.roster(NETWORK).matrix, vector(3), atol=1e-6)
    put(gallery, SyncedFace(7, "bert", None, None))
    assert known(gallery) == set()


def test_a_damaged_row_takes_its_face_away_and_deletes_all_the_same(gallery: Gallery) -> None:
    put(gallery, synced(7, "anna"), synced(8, "bert"), synced(9, "carl"))
    broken = replace(page(deleted=(8,)), damaged=1, unreadable=frozenset([7]))
    gallery.apply(broken, NETWORK, "cursor", NOW)
    assert known(gallery) == {("carl", "server")}


def test_a_deletion_is_one_by_every_network(gallery: Gallery) -> None:
    for network in (NETWORK, OTHER):
        gallery.apply(page(synced(7, "anna")), network, None, NOW)
    put(gallery, deleted=(7,))
    assert known(gallery, OTHER) == set()


@pytest.mark.parametrize("user_id", ["", "../x", "a\nb", "con", "x" * 65])
def test_nobody_is_registered_under_what_the_server_would_refuse(
    gallery: Gallery, user_id: str
) -> None:
    with pytest.raises(IdError):
        register(gallery, user_id)


@pytest.mark.parametrize("bad", [np.zeros(8), np.full(8, np.nan), np.ones(7), np.full(8, np.inf)])
def test_nobody_is_registered_with_what_is_no_embedding(gallery: Gallery, bad: Vector) -> None:
    with pytest.raises(ValueError, match="no embeddings"):
        gallery.register("anna", None, [vector(1), bad], NETWORK, NOW)
    with pytest.raises(ValueError, match="no embeddings"):
        gallery.register("anna", None, [], NETWORK, NOW)
    assert gallery.people(NETWORK) == []


def test_another_spelling_is_told(gallery: Gallery) -> None:
    register(gallery, "Anna")
    with pytest.raises(TakenError, match="Anna"):
        register(gallery, "anna")


def test_the_bounds_hold_and_a_deletion_is_done_all_the_same(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path, Bounds(people=2, faces=3))
    put(gallery, synced(1, "anna"), synced(2, "bert"))
    with pytest.raises(GalleryFullError):
        register(gallery, "carl")
    with pytest.raises(GalleryFullError):
        put(gallery, synced(3, "carl"), synced(4, "dora"), deleted=(1,))
    assert known(gallery) == {("bert", "server")}, "in memory at once"
    gallery.delete_faces([1])
    register(gallery, "carl", 5)
    with pytest.raises(GalleryFullError):
        register(gallery, "carl", 6, 7)
    assert len(gallery.roster(NETWORK).matrix) == 2
    gallery.close()


def test_what_was_deleted_is_in_no_file(gallery: Gallery, tmp_path: Path) -> None:
    register(gallery, "anna", 1)
    put(gallery, synced(7, "bert"))
    stored = [row.tobytes() for row in gallery.roster(NETWORK).matrix]
    secrets = [*stored, b"Anna", b"Bert"]

    def found() -> list[bytes]:
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        return [secret for secret in secrets if secret in files]

    assert found() == secrets
    assert gallery.delete("ANNA")
    assert not gallery.delete("anna")
    assert not gallery.delete("bert"), "the server's is not ours to delete"
    put(gallery, deleted=(7,))
    assert found() == []


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        (tmp_path / "gallery.sqlite3").touch(0o666)
        gallery = Gallery(tmp_path)
        register(gallery, "anna")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert "gallery.sqlite3-wal" in modes
    assert set(modes.values()) == {0o600}
    gallery.close()


def test_a_newer_gallery_is_refused_and_left_alone(gallery: Gallery, tmp_path: Path) -> None:
    register(gallery, "anna")
    gallery.close()
    with sqlite3.connect(tmp_path / "gallery.sqlite3") as database:
        database.execute(f"PRAGMA user_version={VERSION + 1}")
    database.close()
    with pytest.raises(GalleryError, match="newer agent") as told:
        Gallery(tmp_path)
    assert str(tmp_path) not in str(told.value)
    with sqlite3.connect(tmp_path / "gallery.sqlite3") as database:
        assert database.execute("SELECT user_id FROM people").fetchall() == [("anna",)]
    database.close()


@pytest.mark.parametrize("place", [0, 5000])
def test_a_broken_file_is_put_aside(gallery: Gallery, tmp_path: Path, place: int) -> None:
    for number in range(50):
        register(gallery, f"person {number}", number)
    gallery.close()
    with (tmp_path / "gallery.sqlite3").open("r+b") as file:
        file.seek(place)
        file.write(b"\x5a" * 8000)
    again = Gallery(tmp_path)
    assert again.people(NETWORK) == []
    assert (tmp_path / "gallery.sqlite3.broken").exists()
    register(again, "anna")
    again.close()


def test_a_damaged_embedding_is_nobodys(gallery: Gallery) -> None:
    for number, user_id in enumerate(["anna", "bert", "carl"]):
        register(gallery, user_id, number)
    nan = np.full(8, np.nan, "<f4").tobytes()
    for blob, person in ((nan, 1), (vector(1).tobytes()[:-1], 2)):
        gallery._database.execute("UPDATE faces SET embedding = ? WHERE person = ?", (blob, person))
    assert known(gallery) == {("carl", "local")}


def test_a_full_disk_lets_nobody_in_who_was_deleted(gallery: Gallery, tmp_path: Path) -> None:
    put(gallery, synced(7, "anna"), synced(8, "bert"))
    (pages,) = gallery._database.execute("PRAGMA page_count").fetchone()
    gallery._database.execute(f"PRAGMA max_page_count={pages}")
    crowd = [synced(number, f"person {number}") for number in range(100, 1100)]
    with pytest.raises(sqlite3.OperationalError):
        put(gallery, *crowd, deleted=(7,))
    assert known(gallery) == {("bert", "server")}
    assert gallery.cursor(NETWORK) == "cursor"
    gallery._database.execute("PRAGMA max_page_count=100000")
    put(gallery, *crowd, deleted=(7,))
    assert len(known(gallery)) == 1001


def test_how_old_it_is_survives(gallery: Gallery, tmp_path: Path) -> None:
    confirmed = Confirmed(Moment(NOW, "boot", 12.5), 3.0)
    gallery.confirm(NETWORK, confirmed)
    assert gallery.confirmed(NETWORK) is None, "nothing of the server's is there"
    put(gallery, synced(7, "anna"))
    gallery.confirm(NETWORK, confirmed)
    gallery.close()
    again = Gallery(tmp_path)
    assert again.confirmed(NETWORK) == confirmed
    assert again.confirmed(OTHER) is None
    again.apply(page(reset=True), NETWORK, None, NOW)
    assert again.confirmed(NETWORK) is None
    again.close()


def test_reading_while_another_writes_sees_whole_pages(gallery: Gallery) -> None:
    done, torn = threading.Event(), list[int]()

    def read() -> None:
        while not done.is_set():
            number = len(gallery.roster(NETWORK).people)
            if number % 20:
                torn.append(number)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for start in range(0, 400, 20):
            put(gallery, *(synced(one, f"person {one}") for one in range(start, start + 20)))
    finally:
        done.set()
        reader.join()
    assert torn == []
    assert len(gallery.roster(NETWORK).people) == 400
