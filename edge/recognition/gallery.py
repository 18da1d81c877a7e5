"""Who is known at this door: people and their embeddings on the disk.

One process has it open. Every method is one transaction, thread-safe; sqlite3.Error says that the
disk did not take it.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.recognition import synced
from edge.recognition.ids import folded, normal
from edge.recognition.matching import Person, Roster
from edge.recognition.network import STORED, Network, Vector, to_bytes, unit
from edge.recognition.page import Page
from edge.recognition.policy import Confirmed, Moment
from edge.recognition.storage import opened

_FILE = "gallery.sqlite3"
_MOST_NAME = 200
_LENGTH_ERROR = 1e-3
_ROWS = """SELECT user_id, name, source, embedding, face_id
FROM faces JOIN people ON people.id = person WHERE network = ? AND superseded = 0
AND length(embedding) = ? ORDER BY people.id, faces.id"""
_LIST = """SELECT user_id, name, source, people.created_at, superseded,
COUNT(faces.id) FILTER (WHERE network = ?) FROM people LEFT JOIN faces ON people.id = person
GROUP BY people.id ORDER BY folded, source"""


class TakenError(Exception):
    """The user_id is somebody else's, or known in another spelling."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept at most."""

    people: int = 50_000
    faces: int = 100_000


@dataclass(frozen=True, slots=True)
class Listed:
    """Somebody of the gallery. `superseded`: the server has its own of this user_id."""

    user_id: str
    name: str | None
    source: str
    created_at: float
    superseded: bool
    faces: int  # of the network that was asked for; 0: cannot be recognized by it


class Gallery:
    """People of the server and of this device, by network."""

    def __init__(self, folder: Path, bounds: Bounds | None = None) -> None:
        """Opens or makes the gallery in `folder`; raises GalleryError, OSError, sqlite3.Error."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock, self._bounds = threading.Lock(), bounds or Bounds()
        # Faces whose deletion the disk did not take; and whether that was of all of them.
        self._unstored, self.must_forget = set[int](), False  # see `forget_server`
        self._database = opened(folder / _FILE)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def roster(self, network: Network) -> Roster:
        """Everybody who can be recognized by `network`; damaged embeddings are left out."""
        size = network.dimensions * STORED.itemsize
        with self._reading() as run:
            found = run.execute(_ROWS, (network.id, size)).fetchall()
        gone = {row[4] for row in found if self.must_forget} | self._unstored
        rows = [row for row in found if row[4] is None or row[4] not in gone]
        stored = np.frombuffer(b"".join(row[3] for row in rows), STORED)
        matrix = stored.reshape(len(rows), network.dimensions).astype(np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            sound = np.abs(np.linalg.norm(matrix, axis=1) - 1) <= _LENGTH_ERROR
        owners = [Person(*row[:3]) for row, is_sound in zip(rows, sound, strict=True) if is_sound]
        return Roster.of(owners, np.ascontiguousarray(matrix[sound]))

    def people(self, network: Network) -> list[Listed]:
        """Everybody, also those who cannot be recognized by `network`."""
        with self._reading() as run:
            rows = run.execute(_LIST, (network.id,)).fetchall()
        return [
            Listed(user_id, name, source, created_at, bool(superseded), faces)
            for user_id, name, source, created_at, superseded, faces in rows
        ]

    def register(
        self,
        user_id: str,
        name: str | None,
        vectors: Sequence[Vector],
        network: Network,
        created_at: float,
    ) -> None:
        """Keeps a person of this device, or more faces of one; the last name given stays.

        Raises IdError, TakenError, GalleryFullError, and ValueError for vectors that nobody
        can be compared by.
        """
        user_id, name = normal(user_id), None if name is None else name[:_MOST_NAME]
        units = [unit(vector, network.dimensions) for vector in vectors]
        whole = [vector for vector in units if vector is not None]
        if not whole or len(whole) != len(units):
            raise ValueError("these are no embeddings of this network")
        with self._writing() as run:
            person = _local(run, user_id, name, created_at)
            run.executemany(
                "INSERT INTO faces (person, network, embedding, created_at) VALUES (?, ?, ?, ?)",
                [(person, network.id, to_bytes(vector), created_at) for vector in whole],
            )
            self._check_bounds(run)

    def delete(self, user_id: str) -> bool:
        """Forgets a person of this device for good; whether there was one."""
        with self._writing() as run:
            gone = run.execute(
                "DELETE FROM people WHERE folded = ? AND source = 'local'", (folded(user_id),)
            ).rowcount
        self._wipe()
        return gone > 0

    def cursor(self, network: Network) -> str | None:
        """Up to where the server's changes were applied; None: from the beginning."""
        with self._reading() as run:
            found = run.execute(
                "SELECT cursor FROM networks WHERE network = ?", (network.id,)
            ).fetchone()
        return found[0] if found else None

    def apply(self, page: Page, network: Network, after: str | None, created_at: float) -> bool:
        """Applies the page that was asked for with `after`; whether to begin again without one.

        Raises GalleryFullError or sqlite3.Error; then the file is as it was, but whom the page
        deletes is in no roster any more.
        """
        begins_again = page.reset and after is not None
        self._unstored |= page.deleted
        with self._writing() as run:
            if page.reset:
                synced.forget(run, network.id)
            if not begins_again:
                synced.delete(run, page.deleted)
                synced.put(run, page, network.id, created_at)
                self._check_bounds(run)
            cursor = None if begins_again else page.next_after
            synced.set_cursor(run, network.id, cursor)
        self._unstored -= page.deleted
        if page.reset or page.deleted or page.faces:
            self._wipe()
        return begins_again

    def delete_faces(self, face_ids: Collection[int]) -> None:
        """Forgets faces of the server for good, whatever else is to be done."""
        with self._writing() as run:
            synced.delete(run, face_ids)
        self._unstored -= set(face_ids)
        self._wipe()

    def forget_server(self) -> None:
        """Forgets everybody of the server for good, by every network; in rosters at once.

        Where the disk does not take it, `must_forget` stays: call it again.
        """
        self.must_forget = True
        with self._writing() as run:
            synced.forget_all(run)
        self.must_forget = False
        self._wipe()

    def confirm(self, network: Network, confirmed: Confirmed) -> None:
        """Notes how old the server's part of the gallery is."""
        moment = confirmed.noted
        with self._writing() as run:
            run.execute(
                "UPDATE networks SET wall = ?, boot = ?, running = ?, age = ? WHERE network = ?",
                (moment.wall, moment.boot, moment.running, confirmed.age, network.id),
            )

    def confirmed(self, network: Network) -> Confirmed | None:
        """What was noted last; None where the server never sent all of it."""
        with self._reading() as run:
            found = run.execute(
                "SELECT wall, boot, running, age FROM networks"
                " WHERE network = ? AND age IS NOT NULL",
                (network.id,),
            ).fetchone()
        return Confirmed(Moment(*found[:3]), found[3]) if found else None

    def _check_bounds(self, run: sqlite3.Connection) -> None:
        for table, most in (("people", self._bounds.people), ("faces", self._bounds.faces)):
            (number,) = run.execute(f"SELECT COUNT(*) FROM {table}").fetchone()  # noqa: S608 - ours
            if number > most:
                raise synced.GalleryFullError(f"the gallery holds {most} {table} at most")

    def _wipe(self) -> None:
        """What was deleted shall not stay in the journal."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            yield self._database

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                raise


def _local(run: sqlite3.Connection, user_id: str, name: str | None, created_at: float) -> int:
    """The row of a person of this device, made where there is none."""
    found = run.execute(
        "SELECT source, id, user_id, superseded FROM people WHERE folded = ?", (folded(user_id),)
    ).fetchall()
    by_source = {row[0]: row[1:] for row in found}
    if "server" in by_source:
        raise TakenError("the server has somebody of this user_id")
    if "local" not in by_source:
        return _inserted(run, user_id, name, created_at)
    person, known_as, superseded = by_source["local"]
    if superseded:  # of somebody whom the server has had since, and has no more
        run.execute("DELETE FROM people WHERE id = ?", (person,))
        return _inserted(run, user_id, name, created_at)
    if known_as != user_id:
        raise TakenError(f"known here as {known_as}")
    run.execute("UPDATE people SET name = ? WHERE id = ?", (name, person))
    return int(person)


def _inserted(run: sqlite3.Connection, user_id: str, name: str | None, created_at: float) -> int:
    put = run.execute(
        "INSERT INTO people (source, folded, user_id, name, created_at)"
        " VALUES ('local', ?, ?, ?, ?)",
        (folded(user_id), user_id, name, created_at),
    )
    return int(put.lastrowid or 0)
