"""People and their profiles."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session, object_session

from core.errors import ConflictError, NotFound
from core.names import fold_user_id
from db import faces
from db.gallery import next_seq
from db.models import FaceRow, User

PROFILE_FIELDS = ("name", "email", "attributes")
_OWNER = (
    select(User)
    .join(FaceRow, FaceRow.person_id == User.id)
    .where(FaceRow.id == bindparam("face_id"))
)


def find(session: Session, user_id: str) -> User | None:
    return session.execute(select(User).where(User.user_id == user_id)).scalar_one_or_none()


def owner_of_face(session: Session, face_id: int) -> User | None:
    """Whose face this is at this moment; None where it is gone."""
    return session.execute(_OWNER, {"face_id": face_id}).scalar_one_or_none()


def get(session: Session, user_id: str) -> User:
    """The person; raises NotFound."""
    user = find(session, user_id)
    if user is None:
        raise NotFound("there is no person with this user_id")
    return user


def check_free(session: Session, user_id: str, but_for: str | None = None) -> None:
    """Raises ConflictError where the id, or one that differs only by letter case or look-alike
    characters, is taken by anybody but `but_for`."""
    folded = fold_user_id(user_id)
    taken = session.execute(select(User.user_id).where(User.folded_user_id == folded)).scalar()
    if taken is not None and taken != but_for:
        if taken == user_id:
            raise ConflictError("this user_id is taken")
        raise ConflictError("this user_id differs only by letter case from one that exists")


def create(session: Session, user_id: str) -> User:
    """A new person without a photo; raises ConflictError as `check_free`."""
    check_free(session, user_id)
    now = datetime.now(UTC)
    user = User(
        user_id=user_id,
        folded_user_id=fold_user_id(user_id),
        attributes={},
        created_at=now,
        updated_at=now,
    )
    session.add(user)
    session.flush()
    return user


def find_or_create(session: Session, user_id: str) -> User:
    return find(session, user_id) or create(session, user_id)


def set_profile(user: User, values: Mapping[str, object]) -> None:
    """Set those of `name`, `email`, `attributes` that `values` holds; they are checked already."""
    changed = {key: values[key] for key in PROFILE_FIELDS if key in values}
    if all(getattr(user, key) == value for key, value in changed.items()):
        return
    if changed.get("name", user.name) != user.name:
        _note_new_name(user)
    for key, value in changed.items():
        setattr(user, key, value)
    user.updated_at = datetime.now(UTC)


def delete(session: Session, user: User) -> None:
    """Remove a person and every face of theirs."""
    faces.remove_all_of(session, user)
    session.delete(user)
    session.flush()


def count(session: Session) -> int:
    return session.execute(select(func.count()).select_from(User)).scalar_one()


def page(session: Session, after_id: int, limit: int) -> Sequence[User]:
    """People in the order they were added, those after row `after_id`."""
    statement = select(User).where(User.id > after_id).order_by(User.id).limit(limit)
    return session.execute(statement).scalars().all()


def _note_new_name(user: User) -> None:
    """Whoever holds a copy of the person's faces holds the name beside them."""
    session = object_session(user)
    if session is not None and user.face_id is not None:
        user.name_seq = next_seq(session)
