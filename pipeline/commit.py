"""What enrolls, in one transaction: person, face, ledger row and profile, or nothing of them."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from core import files
from core.errors import FaceConflict, NotReady, Vanished
from core.files import FileIdentity
from core.names import PhotoName
from core.types import EmbeddingSpec, Vector
from db import faces, photos, removals, switching, users
from db.models import PhotoRow
from db.photos import Status
from db.session import Database, Session
from pipeline.admission import Admission, Admitted, note_override
from pipeline.bulk_alike import Alike, Company, most_alike
from pipeline.profiles import apply_beside
from pipeline.quality import SeenFace
from pipeline.terms import Remark, Terms, remarks_on
from pipeline.webhooks.events import emit_enrolled


class SpaceLeft(NotReady):
    """Another space came into force since the face was embedded: it is to be embedded anew."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """The content that was read: its hash, and what tells that the file is still that one."""

    sha256: str
    identity: FileIdentity


@dataclass(frozen=True, slots=True)
class Analyzed:
    """The one usable face of a photo and its embedding, shape (d,)."""

    face: SeenFace
    vector: Vector


@dataclass(frozen=True, slots=True)
class Committed:
    """What the transaction left: `is_new` is False where another call had done it already."""

    photo_id: int
    face_id: int
    is_new: bool
    remarks: tuple[Remark, ...] = ()
    message: str | None = None

    @property
    def status(self) -> Status:
        return Status.ENROLLED if self.is_new else Status.UNCHANGED


@dataclass(frozen=True, slots=True)
class Searched:
    """Who of the others looks most like a face, of those enrolled up to seq `position`."""

    alike: Alike | None
    position: int


class Commits:
    """Enrolls into one embedding space; `threshold` as in Admission."""

    def __init__(
        self, database: Database, drop: Path, spec: EmbeddingSpec, threshold: float
    ) -> None:
        self._database = database
        self._drop = drop
        self._spec = spec
        self._admission = Admission(spec, threshold)

    def check_claim(self, user_id: str) -> None:
        """Raises ConflictError where `user_id` differs from an existing one only by case."""
        with self._database.read() as session:
            users.check_free(session, user_id, but_for=user_id)

    def commit(
        self,
        name: PhotoName,
        arrival: Arrival,
        analyzed: Analyzed,
        terms: Terms,
        searched: Searched,
    ) -> Committed:
        """`check_space` and `enroll` in a transaction of their own."""
        with self._database.write() as session:
            self.check_space(session)
            since = Company.since(session, self._spec, searched.position)
            alike = most_alike(searched.alike, since.most_alike(name.user_id, analyzed.vector))
            return self.enroll(session, name, arrival, analyzed, terms=terms, alike=alike)

    def enroll(
        self,
        session: Session,
        name: PhotoName,
        arrival: Arrival,
        analyzed: Analyzed,
        *,
        terms: Terms,
        alike: Alike | None,
    ) -> Committed:
        """Enroll a face for the person `name` claims, where the terms allow it.

        A part of the caller's writing transaction, which undoes it where it raises. `alike` is who
        of all others looks most like it. What is to be said of it stands in the ledger, too.

        Raises Vanished where the file changed or its deletion was asked for meanwhile,
        FaceConflict as `Admission.admit`, ConflictError for a user_id that differs from another
        only by letter case.
        """
        _check_still_wanted(session, self._drop, name, arrival)
        row = photos.find_or_create(session, name.key, name.user_id)
        if row.face_id is not None and _is_enrolled(row, arrival):
            row.identity = str(arrival.identity)
            return Committed(row.id, row.face_id, is_new=False)
        face_id, admitted = self._face(session, name, arrival, analyzed, terms=terms, alike=alike)
        _replace(session, row, face_id)
        _record(row, name, arrival)
        row.message = admitted.message(terms.override)
        emit_enrolled(session, row)
        return Committed(row.id, face_id, True, admitted.remarks, row.message)

    def check_space(self, session: Session) -> None:
        """Once a transaction, before `enroll`: raises SpaceLeft where another is in force."""
        check_space(session, self._spec)

    def _face(
        self,
        session: Session,
        name: PhotoName,
        arrival: Arrival,
        analyzed: Analyzed,
        *,
        terms: Terms,
        alike: Alike | None,
    ) -> tuple[int, Admitted]:
        """The face of these very bytes where they are enrolled already, else a new one."""
        twin = self._same_bytes(session, name, arrival)
        person = users.find_or_create(session, name.user_id)
        apply_beside(self._drop, person)
        if twin is not None:
            return twin, Admitted()
        admitted = self._admission.admit(session, person, analyzed.vector, alike, terms)
        face = analyzed.face
        quality = {"box": asdict(face.box), "confidence": face.confidence, **face.quality.stored()}
        row = faces.add(session, person, self._spec, analyzed.vector, quality)
        note_override(session, person, row, admitted.overridden, terms)
        remarks = (*admitted.remarks, *remarks_on(face.quality))
        return row.id, Admitted(remarks, admitted.overridden)

    def _same_bytes(self, session: Session, name: PhotoName, arrival: Arrival) -> int | None:
        """The face that the very same bytes gave before, for this person and in this space."""
        twins = photos.of_same_bytes(session, arrival.sha256, name.key)
        if any(twin.user_id != name.user_id for twin in twins):
            raise FaceConflict("the very same photo is enrolled under another user_id")
        given = [twin.face_id for twin in twins if twin.status == Status.ENROLLED]
        face_ids = [face_id for face_id in given if face_id is not None]
        known = faces.by_ids(session, face_ids, self._spec)
        return known[0].face_id if known else None


def check_space(session: Session, spec: EmbeddingSpec) -> None:
    """Raises SpaceLeft unless `spec` is the space in force."""
    # In one that was left nobody would find the face, until somebody embeds it anew.
    if switching.in_force(session) != spec.digest:
        raise SpaceLeft("another network came into force meanwhile; try again")


def _check_still_wanted(session: Session, drop: Path, name: PhotoName, arrival: Arrival) -> None:
    # Looked at inside the transaction: a deletion that committed before us removes, or has
    # listed, the file; one that comes after us sees what we commit.
    asked = removals.find(session, name.key)
    if asked is not None and asked.means(arrival.identity, arrival.sha256):
        raise Vanished("the deletion of this photo was asked for")
    if files.identity(drop / name.path) != arrival.identity:
        raise Vanished("the file was changed while it was being read")
    if asked is not None:
        removals.done(session, name.key)


def _is_enrolled(row: PhotoRow, arrival: Arrival) -> bool:
    return row.status == Status.ENROLLED and row.sha256 == arrival.sha256


def _replace(session: Session, row: PhotoRow, face_id: int) -> None:
    old = row.face_id
    row.face_id = face_id
    session.flush()
    if old is not None and old != face_id and not photos.others_with_face(session, old, row.id):
        faces.remove(session, old)


def _record(row: PhotoRow, name: PhotoName, arrival: Arrival) -> None:
    row.user_id = name.user_id
    row.status = Status.ENROLLED
    row.code = row.message = row.next_attempt_at = None
    row.sha256 = arrival.sha256
    row.identity = str(arrival.identity)
    row.present = True
    row.attempts = row.begun = 0
    row.updated_at = datetime.now(UTC)
