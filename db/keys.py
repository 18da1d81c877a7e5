"""API keys: rows with a salted hash, never the key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.access import Scope
from core.errors import NotFound
from db.access_models import ApiKey, Device


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is needed to check a key, read in one question."""

    key_id: str
    name: str
    salt: bytes
    digest: bytes
    scopes: frozenset[Scope]
    networks: tuple[str, ...]
    device_id: str | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


def record(session: Session, key_id: str) -> KeyRecord | None:
    """What checking the key takes; None where there is no such key."""
    statement = (
        select(ApiKey, Device.device_id)
        .outerjoin(Device, Device.id == ApiKey.device)
        .where(ApiKey.key_id == key_id)
    )
    found = session.execute(statement).one_or_none()
    if found is None:
        return None
    key, device_id = found
    return KeyRecord(
        key.key_id,
        key.name,
        key.salt,
        key.digest,
        frozenset(Scope(name) for name in key.scopes),
        tuple(key.networks),
        device_id,
        key.expires_at,
        key.revoked_at,
        key.last_used_at,
    )


def get(session: Session, key_id: str) -> ApiKey:
    """The key's row; raises NotFound."""
    row = session.execute(select(ApiKey).where(ApiKey.key_id == key_id)).scalar_one_or_none()
    if row is None:
        raise NotFound("there is no key with this id")
    return row


def of_device(session: Session, device: Device) -> Sequence[ApiKey]:
    """The keys bound to a device, oldest first."""
    statement = select(ApiKey).where(ApiKey.device == device.id).order_by(ApiKey.id)
    return session.execute(statement).scalars().all()


def page(session: Session, after_id: int, limit: int) -> Sequence[ApiKey]:
    """Keys in the order they were made, those after row `after_id`."""
    statement = select(ApiKey).where(ApiKey.id > after_id).order_by(ApiKey.id).limit(limit)
    return session.execute(statement).scalars().all()


def count(session: Session) -> int:
    """How many keys were ever made and are not deleted, revoked ones too."""
    return session.execute(select(func.count()).select_from(ApiKey)).scalar_one()


def note_use(session: Session, key_id: str, at: datetime) -> None:
    session.execute(update(ApiKey).where(ApiKey.key_id == key_id).values(last_used_at=at))
