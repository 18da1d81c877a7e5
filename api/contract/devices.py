"""Devices as the API takes and shows them."""

from datetime import datetime

from pydantic import Field, StrictBool, StrictInt, field_validator

from api.contract.base import Answer, Body
from api.contract.moments import Moment, Name
from api.contract.paging import Page
from pipeline.devices import Direction, Presence

DEFAULT_OVERLAP_HOURS = 24
MAX_OVERLAP_HOURS = 720
_QUEUE = 1_000_000_000
HOLDS_GALLERY = "Whether it may be given everybody's embeddings, to recognize people by itself."


class NewDeviceBody(Body):
    """A device to register."""

    device_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="Its public name, for good; absent: one is made.",
    )
    name: Name = Field(description="What people call it.")
    place: Name | None = Field(None, description="Where it is.")
    direction: Direction | None = Field(None, description="Where people go who check in here.")
    active: StrictBool = Field(True, description="Whether its check-ins can grant.")
    holds_gallery: StrictBool = Field(False, description=HOLDS_GALLERY)


class DeviceChange(Body):
    """What is absent stays as it is; null clears `place` and `direction`."""

    name: Name | None = Field(None, description="What people call it; not null.")
    place: Name | None = None
    direction: Direction | None = None
    active: StrictBool | None = Field(None, description="Not null.")
    holds_gallery: StrictBool | None = Field(None, description="Not null.")

    @field_validator("name", "active", "holds_gallery")
    @classmethod
    def _is_something(cls, value: object) -> object:
        # Asked only where the field was given.
        if value is None:
            raise ValueError("is not null")
        return value


class NewDeviceKey(Body):
    """How a device's keys are changed for a fresh one."""

    overlap_hours: StrictInt = Field(
        DEFAULT_OVERLAP_HOURS,
        ge=0,
        le=MAX_OVERLAP_HOURS,
        description="How long its other keys are still good; 0: they end now.",
    )


class HeartbeatBody(Body):
    """How a device is."""

    clock: Moment = Field(description="Its clock when it sent this.")
    version: Name | None = Field(None, description="Of its software.")
    queue_length: StrictInt | None = Field(
        None, ge=0, le=_QUEUE, description="Check-ins that it has still to send."
    )


class Device(Body):
    """A device and what was last heard of it."""

    device_id: str
    name: str
    place: str | None
    direction: Direction | None
    active: bool
    holds_gallery: bool = Field(description=HOLDS_GALLERY)
    status: Presence = Field(description="`online`: heard of within 90 seconds.")
    last_seen_at: datetime | None = Field(description="Its last heartbeat or check-in.")
    version: str | None
    queue_length: int | None
    clock_skew_ms: int | None = Field(description="Its clock minus ours, at the last heartbeat.")
    created_at: datetime
    updated_at: datetime


class DeviceAnswer(Device, Answer):
    """One device."""


class DeviceKeyAnswer(Answer):
    """A device's fresh key."""

    device_id: str
    key_id: str = Field(description="The key's public part.")
    key: str = Field(description="The key itself, shown in this answer only.")


class NewDeviceAnswer(DeviceAnswer):
    """A device just registered, with its key."""

    key_id: str = Field(description="The key's public part.")
    key: str = Field(description="The key itself, shown in this answer only.")


class DevicesPage(Page):
    devices: list[Device]


class HeartbeatAnswer(Answer):
    """What a device should know."""

    server_time: datetime
    clock_skew_ms: int = Field(description="The device's clock minus ours; negative: it is slow.")
    active: bool = Field(description="Whether its check-ins can grant.")
    direction: Direction | None
    fresh_seconds: float = Field(description="A check-in grants only if its picture is no older.")
    heartbeat_seconds: int = Field(description="How often to send this.")
