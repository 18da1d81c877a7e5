"""Webhooks and their deliveries as the API takes and shows them."""

from datetime import datetime
from typing import Literal

from pydantic import Field, StrictBool, StrictStr, field_validator
from pydantic.json_schema import SkipJsonSchema

from api.contract.base import Answer, Body
from api.contract.paging import Page, PageOptions
from db.deliveries import DeliveryStatus
from pipeline.webhooks.events import EventType
from pipeline.webhooks.urls import MAX_URL

Event = Literal["check_in", "no_match", "enrolled", "rejected", "conflict", "deleted"]
_URL = "https or http, without user name, password and fragment."
_SHOWN_ONCE = "For the signatures, `whsec_` and base64. Shown once."


class Webhook(Body):
    """An address that events are sent to."""

    id: int
    url: str
    description: str | None
    events: list[Event] = Field(description="What it wants to know of.")
    active: bool = Field(description="Nothing is queued for, or sent to, one that is not.")
    created_at: datetime
    updated_at: datetime


class WebhookAnswer(Webhook, Answer):
    """One webhook."""


class WebhookWithSecret(WebhookAnswer):
    """A webhook just made, or one whose secret was just renewed."""

    secret: str = Field(description=_SHOWN_ONCE)


class WebhookPage(Page):
    webhooks: list[Webhook]


class NewWebhook(Body):
    """A webhook to add."""

    url: StrictStr = Field(min_length=1, max_length=MAX_URL, description=_URL)
    events: list[Event] = Field(min_length=1)
    description: StrictStr | None = Field(None, max_length=256, description="For people.")


class WebhookChange(Body):
    """What is absent stays as it is; a null description is none."""

    url: StrictStr | SkipJsonSchema[None] = Field(
        None, min_length=1, max_length=MAX_URL, description=_URL
    )
    events: list[Event] | SkipJsonSchema[None] = Field(None, min_length=1)
    description: StrictStr | None = Field(None, max_length=256)
    active: StrictBool | SkipJsonSchema[None] = None

    @field_validator("url", "events", "active", mode="before")
    @classmethod
    def _given(cls, value: object) -> object:
        if value is None:
            raise ValueError("it is null")
        return value


class Delivery(Body):
    """One event for one webhook."""

    id: int
    webhook_id: int
    message_id: str = Field(description="The `webhook-id` header: the same at every attempt.")
    type: EventType
    status: DeliveryStatus
    attempts: int = Field(description="Since it was queued; a retry begins anew.")
    response_status: int | None = Field(description="Of the last attempt; null: no answer.")
    error: str | None = Field(description="Why the last attempt failed.")
    created_at: datetime
    last_attempt_at: datetime | None
    next_attempt_at: datetime | None


class DeliveryAnswer(Delivery, Answer):
    """One delivery."""


class DeliveryPage(Page):
    deliveries: list[Delivery] = Field(description="Newest first.")


class DeliveryOptions(PageOptions):
    status: DeliveryStatus | None = Field(None, description="Only those that stand so.")
