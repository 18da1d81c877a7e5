"""The server's part of the gallery: statements within a transaction of `Gallery`."""

import json
import sqlite3
from collections.abc import Iterable

from edge.recognition.ids import folded
from edge.recognition.network import to_bytes
from edge.recognition.page import Page, SyncedFace

_AMONG = "(SELECT value FROM json_each(?))"
_FACELESS = "source = 'server' AND id NOT IN (SELECT person FROM faces)"


class GalleryFullError(Exception):
    """More people or faces than the device keeps."""


def forget(run: sqlite3.Connection, network: str) -> None:
    """Everything of the server by `network`; nothing is confirmed any more."""
    run.execute("DELETE FROM faces WHERE face_id IS NOT NULL AND network = ?", (network,))
    # Who was registered here too stays superseded: the server only begins again.
    run.execute(f"DELETE FROM people WHERE {_FACELESS}")  # noqa: S608 - ours
    run.execute("UPDATE networks SET age = NULL, cursor = NULL WHERE network = ?", (network,))


def forget_all(run: sqlite3.Connection) -> None:
    """Everything of the server by every network."""
    for (network,) in run.execute("SELECT network FROM networks").fetchall():
        forget(run, network)


def delete(run: sqlite3.Connection, face_ids: Iterable[int]) -> None:
    """These faces by every network, and who has none left: also as registered here before."""
    numbers = json.dumps(sorted(face_ids))
    run.execute(f"DELETE FROM faces WHERE face_id IN {_AMONG}", (numbers,))  # noqa: S608 - ours
    _delete_faceless(run)


def put(run: sqlite3.Connection, page: Page, network: str, created_at: float) -> None:
    """The page's faces in place of what was there under their numbers."""
    numbers = json.dumps(sorted({*(face.face_id for face in page.faces), *page.unreadable}))
    run.execute(
        f"DELETE FROM faces WHERE face_id IN {_AMONG} AND network = ?",  # noqa: S608 - ours
        (numbers, network),
    )
    for face in page.faces:
        if face.vector is not None:
            run.execute(
                "INSERT OR REPLACE INTO faces (person, network, face_id, embedding, created_at)"
                " VALUES (?, ?, ?, ?, ?)",
                (_person(run, face, created_at), network, face.face_id, to_bytes(face.vector),
                 created_at),
            )  # fmt: skip
    # Who was registered here too is not forgotten for a face that cannot be compared now.
    run.execute(f"DELETE FROM people WHERE {_FACELESS}")  # noqa: S608 - ours


def set_cursor(run: sqlite3.Connection, network: str, cursor: str | None) -> None:
    """From where to ask next."""
    run.execute(
        "INSERT INTO networks (network, cursor) VALUES (?, ?)"
        " ON CONFLICT (network) DO UPDATE SET cursor = excluded.cursor",
        (network, cursor),
    )


def _person(run: sqlite3.Connection, face: SyncedFace, created_at: float) -> int:
    key = folded(face.user_id)
    run.execute(
        "INSERT INTO people (source, folded, user_id, name, created_at)"
        " VALUES ('server', ?, ?, ?, ?) ON CONFLICT (folded, source)"
        " DO UPDATE SET user_id = excluded.user_id, name = excluded.name",
        (key, face.user_id, face.name, created_at),
    )
    run.execute("UPDATE people SET superseded = 1 WHERE folded = ? AND source = 'local'", (key,))
    found = run.execute(
        "SELECT id FROM people WHERE folded = ? AND source = 'server'", (key,)
    ).fetchone()
    return int(found[0])


def _delete_faceless(run: sqlite3.Connection) -> None:
    """People whom the server has no more."""
    rows = run.execute(f"SELECT folded FROM people WHERE {_FACELESS}").fetchall()  # noqa: S608
    run.executemany(
        "DELETE FROM people WHERE folded = ? AND (source = 'server' OR superseded)", rows
    )
