"""What the service says of itself."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from api.contract.base import Answer, ErrorWords


class About(Answer):
    name: str
    version: str
    links: dict[str, str] = Field(description="Addresses to go on with, by what they are for.")


class Alive(Answer):
    status: str


class Readiness(StrEnum):
    READY = "ready"
    DEGRADED = "degraded"
    NOT_READY = "not_ready"


class Check(BaseModel):
    """One thing that was looked at; each has fields of its own beside these."""

    model_config = ConfigDict(extra="allow")

    status: Readiness
    code: str | None = None
    message: str | None = None


class Ready(Answer):
    status: Readiness
    checks: dict[str, Check]


class Unready(Ready):
    error: ErrorWords
