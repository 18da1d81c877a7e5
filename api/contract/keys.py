"""Keys and the audit as the API takes and shows them."""

from datetime import UTC, datetime

from pydantic import AwareDatetime, Field, field_validator

from api.contract.base import Answer, Body
from api.contract.paging import Page
from core.access import Scope
from pipeline.keys import MAX_NAME, MAX_NETWORKS

DEFAULT_OVERLAP_HOURS = 24
MAX_OVERLAP_HOURS = 720


class NewKeyBody(Body):
    """A key to make."""

    name: str = Field(min_length=1, max_length=MAX_NAME, description="Whose key it is.")
    scopes: list[Scope] = Field(min_length=1, description="What it may do; not `device`.")
    networks: list[str] = Field(
        default_factory=list,
        max_length=MAX_NETWORKS,
        description="Where it is good, like 192.168.1.0/24; empty: everywhere.",
    )
    expires_at: AwareDatetime | None = Field(
        None, description="When it ends, with its time zone; null: never."
    )

    @field_validator("expires_at", mode="before")
    @classmethod
    def _is_written_out(cls, value: object) -> object:
        if value is not None and not (isinstance(value, str) and "T" in value.upper()):
            raise ValueError("a time is like 2027-01-31T18:00:00Z")
        return value

    @field_validator("expires_at")
    @classmethod
    def _has_a_moment(cls, value: datetime | None) -> datetime | None:
        try:
            return value.astimezone(UTC) if value else None
        except OverflowError:
            raise ValueError("a time is like 2027-01-31T18:00:00Z") from None


class Rotation(Body):
    """How a key is changed for its successor."""

    overlap_hours: int = Field(
        DEFAULT_OVERLAP_HOURS,
        ge=0,
        le=MAX_OVERLAP_HOURS,
        strict=True,
        description="How long the old key is still good.",
    )


class Key(Body):
    """A key without its secret."""

    key_id: str = Field(description="Its public part; in the audit as `caller`.")
    name: str
    scopes: list[Scope]
    networks: list[str] = Field(description="Where it is good; empty: everywhere.")
    device_id: str | None = Field(description="The device it is bound to.")
    created_by: str = Field(description="The key that made it; `local`: this machine.")
    created_at: datetime
    expires_at: datetime | None = Field(description="When it ends by itself, or after a rotation.")
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To ten minutes.")


class KeyAnswer(Key, Answer):
    """One key."""


class IssuedKey(KeyAnswer):
    """A key just made."""

    key: str = Field(description="The key itself, shown in this answer only.")


class KeysPage(Page):
    keys: list[Key]


class Act(Body):
    """A weighty act, or one that was refused."""

    id: int
    at: datetime
    caller: str = Field(description="The key_id; `local`: this machine.")
    caller_name: str
    action: str = Field(description="Like `key.create`; of a refused one, method and address.")
    target: str | None
    outcome: str = Field(description="`done`, or the code of the refusal.")
    details: dict[str, object]
    request_id: str | None = Field(description="The request it came with.")


class AuditPage(Page):
    acts: list[Act]
