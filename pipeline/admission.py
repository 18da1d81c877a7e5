"""May this face become this person's? Asked inside the transaction that enrolls it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import FaceConflict
from core.settings import EnrollMode
from core.types import EmbeddingSpec, Vector
from core.vectors import similarity_of
from db import audit, faces
from db.models import FaceRow, User
from db.session import Session
from pipeline.bulk_alike import Alike
from pipeline.terms import Override, Remark, Terms

_log = logging.getLogger(__name__)
_MOST_CHARACTERS = 512
"""Of a message in the ledger."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """What is to be said of a face; `overridden` is what would have refused it."""

    remarks: tuple[Remark, ...] = ()
    overridden: tuple[FaceConflict, ...] = ()

    def message(self, override: Override | None) -> str | None:
        """All of it in one line for the ledger."""
        words = [remark.message for remark in self.remarks]
        if override is not None and self.overridden:
            refusals = ", ".join(conflict.message for conflict in self.overridden)
            words.insert(0, f"accepted by {override.by.name} although {refusals}")
        return "; ".join(words)[:_MOST_CHARACTERS] or None


class Admission:
    """Compares new faces of one space with the enrolled ones.

    `threshold` is the least similarity of a new face to the nearest of the person's own, and of
    two people who look the same.
    """

    def __init__(self, spec: EmbeddingSpec, threshold: float) -> None:
        self._spec, self._threshold = spec, threshold

    def admit(
        self, session: Session, person: User, vector: Vector, alike: Alike | None, terms: Terms
    ) -> Admitted:
        """Raises FaceConflict for a face that contradicts the enrolled ones, but for an override.

        `alike` is the most similar of all others.
        """
        conflict = self._other_than_own(session, person, vector)
        refusals = [] if conflict is None else [conflict]
        remarks: list[Remark] = []
        if alike is not None and alike.similarity >= self._threshold:
            _log.warning("%s %s", person.user_id, alike.note)
            remarks.append(Remark(FaceConflict.code, alike.note, alike.details))
            if terms.mode is EnrollMode.STRICT:
                refusals.append(FaceConflict(f"the face {alike.words}", alike.details))
        if refusals and terms.override is None:
            raise refusals[0]
        return Admitted(tuple(remarks), tuple(refusals))

    def _other_than_own(
        self, session: Session, person: User, vector: Vector
    ) -> FaceConflict | None:
        scores = [
            similarity_of(vector, known.vector, self._spec.similarity)
            for known in faces.of_person(session, person, self._spec)
        ]
        if not scores or max(scores) >= self._threshold:
            return None
        return FaceConflict(
            "the photo does not look like the person enrolled under this user_id",
            {"similarity_score": round(max(scores), 4), "threshold": self._threshold},
        )


def note_override(
    session: Session, person: User, face: FaceRow, conflicts: Sequence[FaceConflict], terms: Terms
) -> None:
    """Record who let a face in that would have been refused."""
    if terms.override is None or not conflicts:
        return
    audit.note(
        session,
        terms.override.by,
        "face.accept",
        person.user_id,
        details={"face_id": face.id, "conflicts": [dict(one.details) for one in conflicts]},
        request_id=terms.override.request_id,
    )
