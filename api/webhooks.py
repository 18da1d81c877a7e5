"""/webhooks: addresses that want to know, and what was delivered.

Answers with a secret take no Idempotency-Key: to repeat them, they would have to be stored.
"""

import re
from functools import partial
from typing import TypeVar

from flask import Blueprint, Response, request, url_for
from pydantic import BaseModel, ValidationError

from api import auth, request_ids
from api.answers import answer, no_content
from api.bodies import read_json
from api.context import services
from api.contract.operation import needs, operation
from api.contract.paging import PageOptions
from api.contract.webhooks import (
    DeliveryAnswer,
    DeliveryOptions,
    DeliveryPage,
    NewWebhook,
    WebhookAnswer,
    WebhookChange,
    WebhookPage,
    WebhookWithSecret,
)
from api.idempotency import kept
from api.options import Options
from api.paging import OPTIONS as PAGING
from api.paging import page_of
from api.schemas import Json, of_time
from core.access import Scope
from core.errors import InvalidParameter, NotFound
from db import audit, deliveries
from db import webhooks as hooks
from db.deliveries import DeliveryStatus
from db.delivery_models import Delivery, Webhook
from db.session import Session
from pipeline.webhooks import hooks as acts
from pipeline.webhooks.events import EventType
from pipeline.webhooks.urls import check_url

Wanted = TypeVar("Wanted", bound=BaseModel)
_WEBHOOK = "/webhooks/<webhook_id>"
_DELIVERIES = f"{_WEBHOOK}/deliveries"
# As many digits as every database takes; a greater number is no row's.
_NUMBER = re.compile(r"[0-9]{1,18}")

webhooks = Blueprint("webhooks", __name__)


@webhooks.get("/webhooks")
@operation(
    "The webhooks, in the order they were added",
    needs(Scope.ADMIN),
    answers={200: WebhookPage},
    query=PageOptions,
)
def list_webhooks() -> Response:
    page = page_of(Options.of_query(request, PAGING))
    with services().database.read() as session:
        rows, cursor = page.cut(hooks.page(session, page.after_id, page.limit + 1))
    return answer({"webhooks": [_shown(row) for row in rows], "next_cursor": cursor})


@webhooks.post("/webhooks")
@operation(
    "Add a webhook; its secret is shown this once",
    needs(Scope.ADMIN),
    answers={201: WebhookWithSecret},
    errors=("conflict",),
    body=NewWebhook,
)
def create_webhook() -> Response:
    wanted = _checked(NewWebhook)
    check_url(wanted.url, services().settings.webhook_private)
    events = [EventType(name) for name in wanted.events]
    with services().database.write() as session:
        row = acts.create(session, wanted.url, wanted.description, events)
        _note(session, row, "create", {"events": row.events})
    place = url_for("webhooks.get_webhook", webhook_id=row.id)
    return answer({**_shown(row), "secret": row.secret}, 201, place)


@webhooks.get(_WEBHOOK)
@operation("One webhook", needs(Scope.ADMIN), answers={200: WebhookAnswer})
def get_webhook(webhook_id: str) -> Response:
    with services().database.read() as session:
        row = hooks.get(session, _number(webhook_id))
    return answer(_shown(row))


@webhooks.patch(_WEBHOOK)
@operation("Change a webhook", needs(Scope.ADMIN), answers={200: WebhookAnswer}, body=WebhookChange)
def change_webhook(webhook_id: str) -> Response:
    given = _checked(WebhookChange)
    if given.url is not None:
        check_url(given.url, services().settings.webhook_private)
    with services().database.write() as session:
        row = hooks.get(session, _number(webhook_id))
        acts.change(row, _change(given))
        _note(session, row, "change", {"changed": sorted(given.model_fields_set)})
    return answer(_shown(row))


@webhooks.delete(_WEBHOOK)
@operation("Remove a webhook and its deliveries", needs(Scope.ADMIN), answers={204: None})
def remove_webhook(webhook_id: str) -> Response:
    acts.remove(services().database, _number(webhook_id), partial(_note, act="delete"))
    return no_content()


@webhooks.post(f"{_WEBHOOK}/secret")
@operation(
    "Make a new secret, shown this once; the old one signs too for a day",
    needs(Scope.ADMIN),
    answers={200: WebhookWithSecret},
)
def renew_secret(webhook_id: str) -> Response:
    with services().database.write() as session:
        row = hooks.get(session, _number(webhook_id))
        acts.renew_secret(row)
        _note(session, row, "secret")
    return answer({**_shown(row), "secret": row.secret})


@webhooks.post(f"{_WEBHOOK}/test")
@operation(
    "Send a test event",
    needs(Scope.ADMIN),
    answers={202: DeliveryAnswer},
    errors=("conflict",),
    creates=True,
)
def send_test(webhook_id: str) -> Response:
    with services().database.write() as session:
        row = hooks.get(session, _number(webhook_id))
        delivery = acts.send_test(session, row)
        _note(session, row, "test")
        return kept(session, answer(_of_delivery(delivery), 202))


@webhooks.get(_DELIVERIES)
@operation(
    "What was delivered to a webhook, newest first",
    needs(Scope.ADMIN),
    answers={200: DeliveryPage},
    query=DeliveryOptions,
)
def list_deliveries(webhook_id: str) -> Response:
    options = Options.of_query(request, PAGING | {"status"})
    page, status = page_of(options), options.choice("status", DeliveryStatus)
    with services().database.read() as session:
        row = hooks.get(session, _number(webhook_id))
        found = deliveries.page(session, row.id, page.after_id or None, page.limit + 1, status)
    rows, cursor = page.cut(found)
    return answer({"deliveries": [_of_delivery(one) for one in rows], "next_cursor": cursor})


@webhooks.post(f"{_DELIVERIES}/<delivery_id>/retry")
@operation(
    "Send a delivery again, now",
    needs(Scope.ADMIN),
    answers={202: DeliveryAnswer},
    errors=("conflict",),
)
def retry_delivery(webhook_id: str, delivery_id: str) -> Response:
    with services().database.write() as session:
        row = hooks.get(session, _number(webhook_id))
        delivery = acts.retry(session, row, _number(delivery_id))
        _note(session, row, "retry", {"delivery_id": delivery.id})
    return answer(_of_delivery(delivery), 202)


def _checked(model: type[Wanted]) -> Wanted:
    """The body; raises InvalidParameter that names what is wrong, never what was given."""
    try:
        return model.model_validate(read_json(request))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name = str(first["loc"][0])
        if name not in model.model_fields:
            known = ", ".join(sorted(model.model_fields))
            raise InvalidParameter(f"there are only: {known}") from None
        text = first["msg"].removeprefix("Value error, ")
        raise InvalidParameter(f"{name}: {text}", {"parameter": name}) from None


def _change(given: WebhookChange) -> acts.Change:
    clears = "description" in given.model_fields_set and given.description is None
    return acts.Change(
        url=given.url,
        description="" if clears else given.description,
        events=None if given.events is None else [EventType(name) for name in given.events],
        active=given.active,
    )


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise NotFound("there is nothing with this id")
    return int(text)


def _note(session: Session, row: Webhook, act: str, details: Json | None = None) -> None:
    audit.note(
        session,
        auth.caller(),
        f"webhook.{act}",
        str(row.id),
        details=details,
        request_id=request_ids.current(),
    )


def _shown(row: Webhook) -> Json:
    return {
        "id": row.id,
        "url": row.url,
        "description": row.description,
        "events": row.events,
        "active": row.active,
        "created_at": of_time(row.created_at),
        "updated_at": of_time(row.updated_at),
    }


def _of_delivery(row: Delivery) -> Json:
    return {
        "id": row.id,
        "webhook_id": row.webhook_id,
        "message_id": row.message_id,
        "type": row.type,
        "status": row.status,
        "attempts": row.attempts,
        "response_status": row.response_status,
        "error": row.error,
        "created_at": of_time(row.created_at),
        "last_attempt_at": row.last_attempt_at and of_time(row.last_attempt_at),
        "next_attempt_at": row.next_attempt_at and of_time(row.next_attempt_at),
    }
