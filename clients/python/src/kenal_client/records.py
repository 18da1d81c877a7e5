"""What Kenal keeps, as frozen values. Fields of newer servers are passed over."""

# No `from __future__ import annotations`: the types are read when answers are parsed.
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Optional

from kenal_client.faces import Face
from kenal_client.people import Person


@dataclass(frozen=True)
class Photo:
    """A photo of a person in the ledger."""

    id: int
    path: str
    user_id: Optional[str]
    status: str
    code: Optional[str]
    message: Optional[str]
    face_id: Optional[int]
    present: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Warned:
    """A word about what was enrolled all the same."""

    code: str
    message: str
    user_id: Optional[str] = None
    similarity_score: Optional[float] = None


@dataclass(frozen=True)
class EnrolledPhoto(Photo):
    """A photo that gave a face; `duplicate`: these very bytes were enrolled before."""

    duplicate: bool
    warnings: tuple[Warned, ...]
    request_id: str


@dataclass(frozen=True)
class Correction:
    """What somebody said later; None says nothing about a value."""

    user_id: Optional[str]
    at: Optional[datetime]
    direction: Optional[str]
    voided: Optional[bool]
    reason: str
    author: str
    key_name: str
    created_at: datetime


@dataclass(frozen=True)
class Effective:
    """What counts of a check-in, after all corrections."""

    user_id: Optional[str]
    at: datetime
    direction: Optional[str]
    voided: bool


@dataclass(frozen=True)
class Claim:
    """What the device decided itself: beside what was recognized, never in its place."""

    decision: Optional[str]
    user_id: Optional[str]
    similarity_score: Optional[float]
    opened: bool
    review: bool


@dataclass(frozen=True)
class CheckIn:
    """An event as it was recorded, what was said of it since, and what counts."""

    event_id: str
    source: str
    device_id: Optional[str]
    decision: str
    user_id: Optional[str]
    face_id: Optional[int]
    similarity_score: Optional[float]
    threshold: Optional[float]
    direction: Optional[str]
    captured_at: datetime
    received_at: datetime
    at: datetime
    late: bool
    clock_suspect: bool
    granted: bool
    reason: Optional[str]
    repeat_of: Optional[str]
    face: Optional[Face]
    has_picture: bool
    author: Optional[str]
    key_name: Optional[str]
    note: Optional[str]
    device: Optional[Claim]
    review: bool
    corrections: tuple[Correction, ...]
    effective: Effective


@dataclass(frozen=True)
class CheckInResult(CheckIn):
    """What a device is told: open where `grant` says so, and only then."""

    grant: bool
    duplicate: bool
    profile: Optional[Person]
    request_id: str


@dataclass(frozen=True)
class Attendance:
    """One person on one local day."""

    date: date
    user_id: str
    first_in: Optional[datetime]
    last_out: Optional[datetime]
    events: int
    corrected: bool


@dataclass(frozen=True)
class Device:
    """A device and what was last heard of it: `status` is online, offline or never."""

    device_id: str
    name: str
    place: Optional[str]
    direction: Optional[str]
    active: bool
    holds_gallery: bool
    status: str
    last_seen_at: Optional[datetime]
    version: Optional[str]
    queue_length: Optional[int]
    clock_skew_ms: Optional[int]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class IssuedDevice(Device):
    """A device just registered; its key is shown this once, and in no repr."""

    key_id: str
    key: str = field(repr=False)
    request_id: str


@dataclass(frozen=True)
class IssuedDeviceKey:
    """A device's fresh key, shown this once, and in no repr."""

    device_id: str
    key_id: str
    key: str = field(repr=False)
    request_id: str


@dataclass(frozen=True)
class Heartbeat:
    """What a device should know; `clock_skew_ms` is its clock minus the server's."""

    server_time: datetime
    clock_skew_ms: int
    active: bool
    direction: Optional[str]
    fresh_seconds: float
    heartbeat_seconds: int
    request_id: str
