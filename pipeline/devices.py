"""Devices: registered with a key of their own, heard of by heartbeats."""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from core.access import Scope
from core.errors import InvalidParameter
from db import devices
from db import keys as key_rows
from db.access_models import Device
from db.session import Session
from pipeline import keys
from pipeline.keys import Issued, NewKey

HEARTBEAT_SECONDS = 30
"""How often a device should be heard of."""
ONLINE = timedelta(seconds=3 * HEARTBEAT_SECONDS)
"""A device that was not heard of for longer is offline."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Direction(StrEnum):
    """Where somebody goes who checks in."""

    IN = "in"
    OUT = "out"


class Presence(StrEnum):
    """Whether a device was heard of lately."""

    ONLINE = "online"
    OFFLINE = "offline"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class NewDevice:
    """What a device is made from; without `device_id` it gets one."""

    device_id: str | None
    name: str
    place: str | None = None
    direction: Direction | None = None
    active: bool = True
    holds_gallery: bool = False


def is_device_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def create(session: Session, wanted: NewDevice, created_by: str) -> tuple[Device, Issued]:
    """A new device with its first key; raises InvalidParameter, ConflictError."""
    device_id = wanted.device_id or f"device-{secrets.token_hex(4)}"
    if not is_device_id(device_id):
        raise InvalidParameter(
            "device_id is 1 to 64 letters, digits and . _ - after the first",
            {"parameter": "device_id"},
        )
    now = datetime.now(UTC)
    device = Device(
        device_id=device_id,
        name=wanted.name,
        place=wanted.place,
        direction=wanted.direction,
        active=wanted.active,
        holds_gallery=wanted.holds_gallery,
        created_at=now,
        updated_at=now,
    )
    devices.add(session, device)
    return device, _new_key(session, device, created_by)


def new_key(session: Session, device: Device, overlap: timedelta, created_by: str) -> Issued:
    """A fresh key; the device's others end after `overlap`."""
    now = datetime.now(UTC)
    for key in key_rows.of_device(session, device):
        if not overlap:
            key.revoked_at = key.revoked_at or now
        else:
            key.retires_at = min(key.retires_at or now + overlap, now + overlap)
    return _new_key(session, device, created_by)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a heartbeat says; `clock` is the device's, read when it was sent."""

    clock: datetime
    version: str | None
    queue_length: int | None


def heartbeat(device: Device, heard: Heard, now: datetime) -> None:
    """Note what a device says of itself."""
    device.version = heard.version
    device.queue_length = heard.queue_length
    device.clock_skew_ms = round((heard.clock - now) / timedelta(milliseconds=1))
    device.last_seen_at = now


def presence(device: Device, now: datetime) -> Presence:
    """Whether the device was heard of within ONLINE."""
    if device.last_seen_at is None:
        return Presence.NEVER
    return Presence.ONLINE if now - device.last_seen_at <= ONLINE else Presence.OFFLINE


def _new_key(session: Session, device: Device, created_by: str) -> Issued:
    name = f"device {device.device_id}"
    wanted = NewKey(name=name, scopes=frozenset([Scope.DEVICE]), device=device)
    return keys.create(session, wanted, created_by)
