"""Who may ask, from where, and what they did: keys, devices, the record of weighty acts."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, LargeBinary, String, false
from sqlalchemy.orm import Mapped, mapped_column

from db.base import AUTOINCREMENT, Base, UtcDateTime


class ApiKey(Base):
    """A key: its public part, and a salted hash of its secret part, never the secret itself.

    Without `networks` it is good from everywhere. A device's key goes with its device.
    `retires_at` is when a key that was rotated ends for its successor.
    """

    __tablename__ = "api_keys"
    __table_args__ = AUTOINCREMENT

    id: Mapped[int] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(String(16), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    salt: Mapped[bytes] = mapped_column(LargeBinary(16))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    networks: Mapped[list[str]] = mapped_column(JSON)
    device: Mapped[int | None] = mapped_column(
        ForeignKey("devices.id", ondelete="CASCADE"), index=True
    )
    created_by: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def ends_at(self) -> datetime | None:
        """When it ends by itself; None: never."""
        return min((end for end in (self.expires_at, self.retires_at) if end), default=None)

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.ends_at is None or now < self.ends_at)


class Device(Base):
    """A door unit or any other thing that checks people in; `device_id` is its public name.

    `holds_gallery`: it may be given everybody's embeddings, to recognize people by itself.
    `version`, `queue_length` and `clock_skew_ms` (its clock minus ours) are of its last heartbeat.
    """

    __tablename__ = "devices"
    __table_args__ = AUTOINCREMENT

    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    place: Mapped[str | None] = mapped_column(String(128))
    direction: Mapped[str | None] = mapped_column(String(8))
    active: Mapped[bool]
    holds_gallery: Mapped[bool] = mapped_column(default=False, server_default=false())
    version: Mapped[str | None] = mapped_column(String(128))
    queue_length: Mapped[int | None]
    clock_skew_ms: Mapped[int | None] = mapped_column(BigInteger)
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AuditRow(Base):
    """A weighty act, or one that was refused: who, what, to whom, and how it ended."""

    __tablename__ = "audit"
    __table_args__ = AUTOINCREMENT

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    caller: Mapped[str] = mapped_column(String(16))
    caller_name: Mapped[str] = mapped_column(String(128))
    action: Mapped[str] = mapped_column(String(64))
    target: Mapped[str | None] = mapped_column(String(128))
    outcome: Mapped[str] = mapped_column(String(32))
    details: Mapped[dict[str, object]] = mapped_column(JSON)
    request_id: Mapped[str | None] = mapped_column(String(128))
