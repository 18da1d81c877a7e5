"""Faces that come as embeddings: enrolled, listed and removed without a photo."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import ConflictError
from core.types import EmbeddingSpec, Vector
from db import faces, users
from db.models import FaceRow, User
from db.session import Database, Session
from pipeline.admission import Admission, note_override
from pipeline.bulk_alike import Company, LookAlikes, most_alike
from pipeline.commit import check_space
from pipeline.profiles import apply_beside
from pipeline.terms import Remark, Terms
from pipeline.webhooks.events import EventType, emit

_MARK: dict[str, object] = {"source": "embedding"}
"""Stands where a photo's face has its quality."""


@dataclass(frozen=True, slots=True)
class EnrolledFace:
    """`is_new` is False where the person has this very embedding already."""

    face_id: int
    is_new: bool
    remarks: tuple[Remark, ...] = ()


class EmbeddingEnrollment:
    """Enrolls embeddings of one space."""

    def __init__(
        self,
        database: Database,
        drop: Path,
        look_alikes: LookAlikes,
        spec: EmbeddingSpec,
        threshold: float,
    ) -> None:
        self._database, self._drop = database, drop
        self._look_alikes, self._spec = look_alikes, spec
        self._admission = Admission(spec, threshold)

    def enroll(self, user_id: str, vector: Vector, terms: Terms) -> EnrolledFace:
        """A new face of the person, who is made where there is none.

        Raises FaceConflict as a photo would, ConflictError for a user_id that differs from another
        only by letter case.
        """
        position = self._look_alikes.position()
        before = self._look_alikes.of(user_id, vector)
        with self._database.write() as session:
            check_space(session, self._spec)
            person = users.find_or_create(session, user_id)
            apply_beside(self._drop, person)
            twin = self._twin(session, person, vector)
            if twin is not None:
                return EnrolledFace(twin, is_new=False)
            since = Company.since(session, self._spec, position)
            alike = most_alike(before, since.most_alike(user_id, vector))
            admitted = self._admission.admit(session, person, vector, alike, terms)
            face = faces.add(session, person, self._spec, vector, dict(_MARK))
            note_override(session, person, face, admitted.overridden, terms)
            _announce(session, user_id, face)
            return EnrolledFace(face.id, True, admitted.remarks)

    def _twin(self, session: Session, person: User, vector: Vector) -> int | None:
        """The person's face of this very embedding: the same request may come twice."""
        for known in faces.of_person(session, person, self._spec):
            if np.array_equal(known.vector, vector):
                return known.face_id
        return None


def is_without_photo(face: FaceRow) -> bool:
    """Whether the face came as an embedding."""
    return face.quality.get("source") == _MARK["source"]


def remove_face(database: Database, user_id: str, face_id: int) -> None:
    """Remove a face that came as an embedding.

    Raises NotFound, or ConflictError for a face of a photo, which goes with its photo.
    """
    with database.write() as session:
        face = faces.get(session, users.get(session, user_id), face_id)
        if not is_without_photo(face):
            given = faces.photos_of(session, [face_id]).get(face_id, [])
            raise ConflictError(
                "this face came from a photo and goes with it: delete the photo",
                {"photo_ids": given},
            )
        faces.remove(session, face_id)


def _announce(session: Session, user_id: str, face: FaceRow) -> None:
    data = {"user_id": user_id, "face_id": face.id, "photo_id": None, "path": None}
    emit(session, EventType.ENROLLED, data, user_id)
