"""Which space is in force, which one is to be, and which one was: the switch is one row's change.

The one in force stands in the gallery's row. Beside it at most one is `next` or `loading`; the one
that was left last is kept filled, so that a switch can be undone.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.orm import Session

from core.types import EmbeddingSpec
from db import gallery
from db.gallery import Chosen, id_of_spec, spec_id, to_spec
from db.models import Gallery, Spec
from db.space_models import SpaceRow

_IN_FORCE = select(Spec.digest).join(Gallery, Gallery.spec_id == Spec.id)
REASON = "chosen with flask models use"


class Role(StrEnum):
    """What a space is that is to be in force."""

    NEXT = "next"
    LOADING = "loading"


class ThresholdOf(StrEnum):
    """Where a space's least similarity of a match comes from."""

    SETTINGS = "settings"
    NETWORK = "network"
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class Threshold:
    """`value` stands exactly where it was given."""

    of: ThresholdOf
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Spaces:
    """The spaces that are kept filled; `loading`: every process is to load the next one."""

    in_force: EmbeddingSpec
    following: EmbeddingSpec | None
    previous: EmbeddingSpec | None
    loading: bool

    @property
    def kept(self) -> list[EmbeddingSpec]:
        """All of them, the one in force first."""
        further = (self.following, self.previous)
        return [self.in_force, *(spec for spec in further if spec is not None)]


def in_force(session: Session) -> str | None:
    """The digest of the space in force; asked for with every request."""
    return session.connection().execute(_IN_FORCE).scalar_one_or_none()


def spaces(session: Session) -> Spaces | None:
    """All that are kept filled; None until a network was chosen."""
    chosen = gallery.chosen(session)
    if chosen is None:
        return None
    rows = session.execute(
        select(SpaceRow.role, Spec)
        .join(Spec, Spec.id == SpaceRow.spec_id)
        .where(or_(SpaceRow.role.is_not(None), SpaceRow.left_at.is_not(None)))
        .order_by(SpaceRow.left_at.desc())
    )
    found = [(role, to_spec(row)) for role, row in rows]
    following = [(role, spec) for role, spec in found if role is not None]
    # The one that was left last; while it is the next one again, there is no other.
    last = next(((role, spec) for role, spec in found if spec != chosen.spec), None)
    return Spaces(
        in_force=chosen.spec,
        following=following[0][1] if following else None,
        previous=last[1] if last is not None and last[0] is None else None,
        loading=bool(following) and following[0][0] == Role.LOADING,
    )


def before(session: Session) -> EmbeddingSpec | None:
    """The space that was left last, whether it is to be the next one again or not."""
    statement = (
        select(Spec)
        .join(SpaceRow, SpaceRow.spec_id == Spec.id)
        .where(SpaceRow.left_at.is_not(None), SpaceRow.spec_id.not_in(select(Gallery.spec_id)))
        .order_by(SpaceRow.left_at.desc())
        .limit(1)
    )
    row = session.execute(statement).scalar_one_or_none()
    return None if row is None else to_spec(row)


def was_switched(session: Session) -> bool:
    """Whether an operator chose a network with `flask models use` ever."""
    return bool(session.execute(select(exists(select(SpaceRow.spec_id)))).scalar())


def threshold(session: Session, spec: EmbeddingSpec) -> Threshold:
    """Where the threshold of this space comes from; of the settings, unless it was switched to."""
    row = session.get(SpaceRow, gallery.find_spec_id(session, spec) or 0)
    if row is None:
        return Threshold(ThresholdOf.SETTINGS)
    return Threshold(ThresholdOf(row.threshold_of), row.threshold)


def is_known(session: Session, spec: EmbeddingSpec) -> bool:
    """Whether this space was in force, or was to be, since the first switch."""
    return session.get(SpaceRow, gallery.find_spec_id(session, spec) or 0) is not None


def announce(session: Session, spec: EmbeddingSpec, chosen: Threshold | None) -> None:
    """This space is to be the next one, and is kept filled from now on.

    `chosen` None: its threshold stays what it was.
    """
    now = gallery.chosen(session)
    assert now is not None
    # What the settings say is of the network that was there when they were made.
    _row(session, now.spec, Threshold(ThresholdOf.SETTINGS))
    cancel(session)
    row = _row(session, spec, chosen or Threshold(ThresholdOf.NETWORK))
    if chosen is not None:
        row.threshold_of, row.threshold = chosen.of, chosen.value
    row.role = Role.NEXT
    session.flush()


def flip(session: Session, before: EmbeddingSpec, spec: EmbeddingSpec) -> bool:
    """From the commit on, this space is in force instead of the one `before`.

    False where that is not in force by now, or this is not the one being loaded.
    """
    now = gallery.chosen(session)
    row = session.get(SpaceRow, gallery.find_spec_id(session, spec) or 0)
    if now is None or now.spec != before or row is None or row.role != Role.LOADING:
        return False
    left = _row(session, before, Threshold(ThresholdOf.SETTINGS))
    left.left_at = datetime.now(UTC)
    row.role = row.left_at = None
    gallery.record(session, Chosen(spec.embedder, REASON, spec))
    session.flush()
    return True


def cancel(session: Session) -> None:
    """No space is to be the next one any more; what was filled stays."""
    following = SpaceRow.role.in_([Role.NEXT, Role.LOADING])
    session.execute(
        update(SpaceRow).where(following).values(role=None),
        execution_options={"synchronize_session": "fetch"},
    )


def forget(session: Session, spec: EmbeddingSpec) -> None:
    """This space is kept no longer."""
    session.execute(delete(SpaceRow).where(SpaceRow.spec_id == id_of_spec(spec)))


def known(session: Session) -> list[EmbeddingSpec]:
    """Every space that ever was, oldest first."""
    return [to_spec(row) for row in session.execute(select(Spec).order_by(Spec.id)).scalars()]


def _row(session: Session, spec: EmbeddingSpec, where_new: Threshold) -> SpaceRow:
    number = spec_id(session, spec)
    row = session.get(SpaceRow, number)
    if row is None:
        row = SpaceRow(spec_id=number, threshold_of=where_new.of, threshold=where_new.value)
        session.add(row)
        session.flush()
    return row


def judge_by(session: Session, spec: EmbeddingSpec, value: float) -> None:
    """A space's threshold is this one from now on, whatever the settings say."""
    row = _row(session, spec, Threshold(ThresholdOf.GIVEN, value))
    row.threshold_of, row.threshold = ThresholdOf.GIVEN, value
    session.flush()


def change_role(session: Session, spec: EmbeddingSpec, role: Role) -> bool:
    """How far the switch to this space is; False where another one is the next by now."""
    row = session.get(SpaceRow, gallery.find_spec_id(session, spec) or 0)
    if row is None or row.role not in (Role.NEXT, Role.LOADING):
        return False
    row.role = role
    session.flush()
    return True
