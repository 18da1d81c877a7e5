"""API keys: rows with a salted hash, never the key."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import String, bindparam, cast, func, select, update
from sqlalchemy.orm import Session

from core.access import Scope
from core.errors import NotFound
from db.access_models import ApiKey, Device

_RECORD = (
    select(
        ApiKey.key_id,
        ApiKey.name,
        ApiKey.salt,
        ApiKey.digest,
        cast(ApiKey.scopes, String),
        cast(ApiKey.networks, String),
        Device.device_id,
        ApiKey.expires_at,
        ApiKey.retires_at,
        ApiKey.revoked_at,
        ApiKey.last_used_at,
    )
    .outerjoin(Device, Device.id == ApiKey.device)
    .where(ApiKey.key_id == bindparam("key_id"))
)


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is needed to check a key, read in one question.

    Its JSON is read only when asked for: an id that is there costs what one that is not costs.
    """

    key_id: str
    name: str
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    scopes_json: str
    networks_json: str
    device_id: str | None
    expires_at: datetime | None
    retires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        ends = (self.expires_at, self.retires_at)
        return self.revoked_at is None and all(end is None or now < end for end in ends)

    @property
    def scopes(self) -> frozenset[Scope]:
        return frozenset(Scope(name) for name in json.loads(self.scopes_json))

    @property
    def networks(self) -> tuple[str, ...]:
        return tuple(json.loads(self.networks_json))


def record(session: Session, key_id: str) -> KeyRecord | None:
    """What checking the key takes; None where there is no such key."""
    # Every request pays for this: past the session's own machinery it takes a third of the time.
    found = session.connection().execute(_RECORD, {"key_id": key_id}).one_or_none()
    return None if found is None else KeyRecord(*found)


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


def devices_of(session: Session, rows: Sequence[ApiKey]) -> Mapping[int, str]:
    """The public names of the devices that these keys are bound to, by their row."""
    wanted = {row.device for row in rows if row.device is not None}
    found = session.execute(select(Device.id, Device.device_id).where(Device.id.in_(wanted)))
    return {row.id: row.device_id for row in found}


def page(session: Session, after_id: int, limit: int) -> Sequence[ApiKey]:
    """Keys in the order they were made, those after row `after_id`."""
    statement = select(ApiKey).where(ApiKey.id > after_id).order_by(ApiKey.id).limit(limit)
    return session.execute(statement).scalars().all()


def count(session: Session) -> int:
    """How many keys were ever made and are not deleted, revoked ones too."""
    return session.execute(select(func.count()).select_from(ApiKey)).scalar_one()


def has_live_admin(session: Session, now: datetime) -> bool:
    """Whether any key is left that may make another."""
    live = select(ApiKey).where(ApiKey.revoked_at.is_(None))
    rows = session.execute(live).scalars()
    return any(Scope.ADMIN in row.scopes and row.is_live(now) for row in rows)


def note_use(session: Session, key_id: str, at: datetime) -> None:
    """Write down when the key was last used."""
    session.execute(update(ApiKey).where(ApiKey.key_id == key_id).values(last_used_at=at))
