"""A page of the server's gallery, read from what came over the network; pure.

What is not wholly an answer of Kenal to our question is none. In one that is, a damaged face is
left out, and what is to be deleted is deleted all the same.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.recognition.ids import IdError, normal
from edge.recognition.network import STORED, Network, Vector, unit
from edge.verdict import Reply

_MOST_NAME = 200
_MOST_CURSOR = 1000
_MOST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True, eq=False)
class SyncedFace:
    """A face of the server's. `vector` is None where it cannot be compared (yet)."""

    face_id: int
    user_id: str
    name: str | None
    vector: Vector | None


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """What changed at the server. `damaged`: how many faces could not be read."""

    faces: tuple[SyncedFace, ...]
    deleted: frozenset[int]
    next_after: str
    complete: bool
    reset: bool = False
    pending: int = 0
    damaged: int = 0
    unreadable: frozenset[int] = frozenset()  # of the damaged ones, those whose number is known
    threshold: float | None = None


class Foreign(Exception):
    """The answer is none of Kenal's to this question; says why."""


def page_of(reply: Reply, request_id: str, network: Network) -> Page:
    """The page that a 200 holds; raises Foreign."""
    told = reply.json
    if reply.status != 200 or told.get("request_id") != request_id:
        raise Foreign(reply.error_code or f"an answer that is not Kenal's ({reply.status})")
    threshold = _of_network(told.get("network"), network)
    faces, deleted, cursor = told.get("faces"), told.get("deleted"), told.get("next_after")
    complete, reset, pending = told.get("complete"), told.get("reset"), told.get("pending")
    lists = isinstance(faces, list) and isinstance(deleted, list)
    flags = isinstance(complete, bool) and isinstance(reset, bool) and _is_number(pending)
    text = isinstance(cursor, str) and len(cursor) <= _MOST_CURSOR
    if not (lists and flags and text) or not all(_is_number(one) for one in deleted or ()):
        raise Foreign("an answer that is not Kenal's (200)")
    read = [_face(one, network.dimensions) for one in faces or ()]
    gone, damaged = (
        frozenset(deleted or ()),
        [one for one in read if not isinstance(one, SyncedFace)],
    )
    return Page(
        faces=tuple(one for one in read if isinstance(one, SyncedFace) and one.face_id not in gone),
        deleted=gone,
        next_after=str(cursor),
        complete=complete is True,
        reset=reset is True,
        pending=int(pending or 0),
        damaged=len(damaged),
        unreadable=frozenset(one for one in damaged if isinstance(one, int)),
        threshold=threshold,
    )


def _of_network(told: object, network: Network) -> float | None:
    if not isinstance(told, Mapping):
        raise Foreign("an answer that is not Kenal's (200)")
    if told.get("sha256") != network.sha256 or told.get("dimensions") != network.dimensions:
        raise Foreign("the server answered for another network")
    threshold: Any = told.get("threshold")
    is_real = isinstance(threshold, int | float) and not isinstance(threshold, bool)
    return float(threshold) if is_real and 0 < threshold <= 1 else None


def _face(told: object, dimensions: int) -> SyncedFace | int | None:
    """The face; of a damaged one its number, where that can be read."""
    if not isinstance(told, Mapping) or not _is_number(told.get("face_id")):
        return None
    face_id, user_id, name = int(told["face_id"]), told.get("user_id"), told.get("name")
    if not isinstance(user_id, str) or not (name is None or isinstance(name, str)):
        return face_id
    try:
        user_id = normal(user_id)
    except IdError:
        return face_id
    embedding = told.get("embedding")
    vector = None if embedding is None else _vector(embedding, dimensions)
    if embedding is not None and vector is None:
        return face_id
    return SyncedFace(face_id, user_id, None if name is None else _clean(name), vector)


def _vector(told: object, dimensions: int) -> Vector | None:
    if not isinstance(told, str):
        return None
    try:
        stored = base64.b64decode(told.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    if len(stored) != dimensions * STORED.itemsize:
        return None
    return unit(np.frombuffer(stored, STORED), dimensions)


def _clean(name: str) -> str:
    # SQLite takes no half of a character.
    return name.encode("utf-8", "replace").decode("utf-8")[:_MOST_NAME]


def _is_number(told: object) -> bool:
    return isinstance(told, int) and not isinstance(told, bool) and 0 <= told <= _MOST_ID
