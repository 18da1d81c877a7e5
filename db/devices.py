"""Devices: what checks people in, by a public name of its own."""

from collections.abc import Sequence

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.errors import ConflictError, NotFound
from db.access_models import Device


def find(session: Session, device_id: str) -> Device | None:
    """The device of this name; None where there is none."""
    statement = select(Device).where(Device.device_id == device_id)
    return session.execute(statement).scalar_one_or_none()


def get(session: Session, device_id: str) -> Device:
    """The device of this name; raises NotFound."""
    found = find(session, device_id)
    if found is None:
        raise NotFound("there is no device with this device_id")
    return found


def add(session: Session, device: Device) -> None:
    """A new device; raises ConflictError where its name is taken."""
    if find(session, device.device_id) is not None:
        raise ConflictError("this device_id is taken")
    session.add(device)
    try:
        session.flush()
    except IntegrityError:
        raise ConflictError("this device_id is taken") from None


def delete(session: Session, device: Device) -> None:
    """Remove a device and its keys; what it recorded stays."""
    session.delete(device)
    session.flush()


def page(session: Session, after_id: int, limit: int) -> Sequence[Device]:
    """Devices in the order they were added, those after row `after_id`."""
    statement = select(Device).where(Device.id > after_id).order_by(Device.id).limit(limit)
    return session.execute(statement).scalars().all()


def any_holds_gallery(session: Session) -> bool:
    """Whether any active device recognizes people by itself, as far as it is allowed to."""
    holds = exists().where(Device.holds_gallery, Device.active)
    return bool(session.execute(select(holds)).scalar())
