"""A person's examples: the photos, and the embeddings, that they are recognized by."""

from contextlib import suppress
from pathlib import Path

from core import files
from core.errors import KenalError, NotFound
from core.names import from_printable
from core.types import EmbeddingSpec, Vector
from db import examples, faces, photos, users
from db.models import PhotoRow
from db.photos import Status
from db.session import Database
from pipeline.deletion import delete_photo, delete_user
from pipeline.embedding_enrollment import is_without_photo, remove_face

_AT_ONCE = 500


def delete_examples(database: Database, drop: Path, user_id: str) -> int:
    """Remove every photo and face of a person, who stays; how many had given a face.

    What is added meanwhile stays too. Raises NotReady where a file cannot be read.
    """
    with database.read() as session:
        rows = [(row.id, row.face_id is not None) for row in photos.of_user(session, user_id)]
    deleted = 0
    for photo_id, is_example in rows:
        # Gone already: somebody else deleted it.
        with suppress(NotFound):
            delete_photo(database, drop, user_id, photo_id)
            deleted += is_example
    return deleted + _delete_embeddings(database, user_id)


def delete_everybody(database: Database, drop: Path, pictures: Path) -> int:
    """Remove everybody who is there now, one after another; how many."""
    with database.read() as session:
        everybody = examples.user_ids(session)
    deleted = 0
    for user_id in everybody:
        with suppress(NotFound):
            delete_user(database, drop, user_id, pictures)
            deleted += 1
    return deleted


def delete_everybodys_examples(database: Database, drop: Path) -> int:
    """Remove every photo and face of everybody, who stay; how many had given a face."""
    with database.read() as session:
        everybody = examples.user_ids(session)
    return sum(delete_examples(database, drop, user_id) for user_id in everybody)


def vector_of(database: Database, photo_id: int, spec: EmbeddingSpec) -> tuple[str, Vector]:
    """Whose example a photo is, and its embedding; raises NotFound, also for another space."""
    with database.read() as session:
        row = examples.find(session, photo_id)
        known = faces.by_ids(session, [row.face_id], spec) if row and row.face_id else []
    if not known:
        raise NotFound("there is no such example")
    return known[0].user_id, known[0].vector


def content_of(drop: Path, row: PhotoRow, max_bytes: int) -> bytes:
    """The very bytes that gave the face; raises NotFound where the file is not that any more."""
    gone = NotFound("the photo is no longer in the drop folder")
    if row.status != Status.ENROLLED:
        raise gone
    try:
        data, _ = files.read_regular(drop / from_printable(row.path), max_bytes)
    except KenalError:
        raise gone from None
    if files.sha256_bytes(data) != row.sha256:
        raise gone
    return data


def _delete_embeddings(database: Database, user_id: str) -> int:
    with database.read() as session:
        person = users.find(session, user_id)
        if person is None:
            return 0
        found: list[int] = []
        after = 0
        while rows := faces.page(session, person, after, _AT_ONCE):
            found += [row.id for row in rows if is_without_photo(row)]
            after = rows[-1].id
    deleted = 0
    for face_id in found:
        with suppress(NotFound):
            remove_face(database, user_id, face_id)
            deleted += 1
    return deleted
