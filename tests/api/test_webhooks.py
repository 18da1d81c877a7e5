"""/webhooks: made, changed, tried, looked at; the secret is shown once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from api import create_app
from db import audit, deliveries
from db.deliveries import DeliveryStatus
from db.delivery_models import StoredAnswer
from pipeline.services import Services
from tests.api.contract_kit import Contract
from tests.api.kit import body, refused
from tests.fakes import fake_settings, make_services
from tests.webhook_kit import (
    Receiver,
    private_settings,
    receiving,
    rows,
    sending_in,
    soon,
)

PUBLIC = "https://93.184.215.14/hook"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = make_services(private_settings(fake_settings(tmp_path)))
    yield services
    services.close()


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[FlaskClient]:
    """A client of a service that lets webhooks go to public addresses only."""
    services = make_services(fake_settings(tmp_path))
    app = create_app(services=services)
    contract = Contract(app)
    yield app.test_client()
    services.close()
    contract.check()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def make(client: FlaskClient, url: str = PUBLIC, events: Any = ("enrolled",)) -> dict[str, Any]:
    answer = client.post("/webhooks", json={"url": url, "events": list(events)})
    assert answer.status_code == 201, answer.text
    return body(answer)


def noted(services: Services) -> list[tuple[str, str | None]]:
    with services.database.read() as session:
        return [(row.action, row.target) for row in reversed(audit.page(session, None, 100))]


def test_the_secret_is_shown_once(client: FlaskClient) -> None:
    made = make(client)
    assert made["secret"].startswith("whsec_")
    shown = body(client.get(f"/webhooks/{made['id']}"))
    assert "secret" not in shown
    expected = {**made, "request_id": shown["request_id"]}
    del expected["secret"]
    assert shown == expected
    assert made["secret"] not in client.get("/webhooks").text
    changed = client.patch(f"/webhooks/{made['id']}", json={"active": False})
    assert made["secret"] not in changed.text
    renewed = body(client.post(f"/webhooks/{made['id']}/secret"))
    assert renewed["secret"] != made["secret"]


def test_where_a_new_one_is(client: FlaskClient) -> None:
    answer = client.post("/webhooks", json={"url": PUBLIC, "events": ["deleted", "enrolled"]})
    shown = body(client.get(answer.headers["Location"]))
    assert (shown["url"], shown["events"]) == (PUBLIC, ["enrolled", "deleted"])
    assert (shown["active"], shown["description"]) == (True, None)


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ({}, "url"),
        ({"url": PUBLIC}, "events"),
        ({"url": PUBLIC, "events": []}, "events"),
        ({"url": PUBLIC, "events": ["test"]}, "events"),
        ({"url": PUBLIC, "events": ["born"]}, "events"),
        ({"url": PUBLIC, "events": "enrolled"}, "events"),
        ({"url": PUBLIC, "events": [1]}, "events"),
        ({"url": PUBLIC, "events": [["enrolled"]]}, "events"),
        ({"url": 1, "events": ["enrolled"]}, "url"),
        ({"url": None, "events": ["enrolled"]}, "url"),
        ({"url": "", "events": ["enrolled"]}, "url"),
        ({"url": "ftp://x.example/", "events": ["enrolled"]}, "url"),
        ({"url": "https://a:b@x.example/", "events": ["enrolled"]}, "url"),
        ({"url": "https://x.example/" + "x" * 3000, "events": ["enrolled"]}, "url"),
        ({"url": PUBLIC, "events": ["enrolled"], "description": "x" * 257}, "description"),
    ],
)
def test_what_cannot_be_a_webhook(
    client: FlaskClient, given: dict[str, Any], parameter: str
) -> None:
    error = refused(client.post("/webhooks", json=given), 400, "invalid_parameter")
    assert error["details"] == {"parameter": parameter}
    assert body(client.get("/webhooks"))["webhooks"] == []


def test_an_unknown_field_is_not_repeated(client: FlaskClient) -> None:
    given = {"url": PUBLIC, "events": ["enrolled"], "<script>": 1}
    error = refused(client.post("/webhooks", json=given), 400, "invalid_parameter")
    assert "<script>" not in str(error)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.7", "[::1]", "169.254.169.254"])
def test_inside_is_refused(strict: FlaskClient, host: str) -> None:
    given = {"url": f"http://{host}/hook", "events": ["enrolled"]}
    error = refused(strict.post("/webhooks", json=given), 400, "invalid_parameter")
    assert error["details"] == {"parameter": "url"}
    made = make(strict)
    changed = strict.patch(f"/webhooks/{made['id']}", json={"url": given["url"]})
    refused(changed, 400, "invalid_parameter")
    assert body(strict.get(f"/webhooks/{made['id']}"))["url"] == PUBLIC


def test_changes(client: FlaskClient) -> None:
    made = make(client)
    place = f"/webhooks/{made['id']}"
    given = {"events": ["deleted"], "description": "payroll", "active": False}
    changed = body(client.patch(place, json=given))
    assert {name: changed[name] for name in given} == given
    assert changed["url"] == made["url"]
    assert body(client.patch(place, json={"description": None}))["description"] is None
    assert body(client.patch(place, json={}))["events"] == ["deleted"]
    for wrong in (
        {"active": None},
        {"events": None},
        {"url": None},
        {"active": 1},
        {"secret": "x"},
    ):
        refused(client.patch(place, json=wrong), 400, "invalid_parameter")
    assert body(client.get(place))["active"] is False


def test_at_most_twenty(client: FlaskClient) -> None:
    for _ in range(20):
        made = make(client)
    given = {"url": PUBLIC, "events": ["enrolled"]}
    refused(client.post("/webhooks", json=given), 409, "conflict")
    assert client.delete(f"/webhooks/{made['id']}").status_code == 204
    make(client)


def test_a_test_asked_for_twice_is_sent_once(client: FlaskClient, services: Services) -> None:
    place = f"/webhooks/{make(client)['id']}/test"
    for _ in range(2):
        client.post(place, headers={"Idempotency-Key": "one"})
    assert len(rows(services.database)) == 1


def test_a_secret_is_in_no_stored_answer(client: FlaskClient, services: Services) -> None:
    given = {"url": PUBLIC, "events": ["enrolled"]}
    made = body(client.post("/webhooks", json=given, headers={"Idempotency-Key": "one"}))
    renewed = client.post(f"/webhooks/{made['id']}/secret", headers={"Idempotency-Key": "two"})
    with services.database.read() as session:
        stored = str([row.body for row in session.execute(select(StoredAnswer)).scalars()])
    assert made["secret"] not in stored
    assert body(renewed)["secret"] not in stored


def test_pages(client: FlaskClient) -> None:
    ids = [make(client)["id"] for _ in range(5)]
    first = body(client.get("/webhooks?limit=3"))
    second = body(client.get(f"/webhooks?limit=3&cursor={first['next_cursor']}"))
    assert [one["id"] for one in first["webhooks"] + second["webhooks"]] == ids
    assert second["next_cursor"] is None


@pytest.mark.parametrize("webhook_id", ["7", "x", "-1", "1e3", "9" * 40])
def test_what_is_not_there(client: FlaskClient, webhook_id: str) -> None:
    place = f"/webhooks/{webhook_id}"
    for answer in (
        client.get(place),
        client.patch(place, json={}),
        client.delete(place),
        client.post(f"{place}/secret"),
        client.post(f"{place}/test"),
        client.get(f"{place}/deliveries"),
        client.post(f"{place}/deliveries/1/retry"),
    ):
        refused(answer, 404, "not_found")


def test_a_test_event_arrives(client: FlaskClient, services: Services, receiver: Receiver) -> None:
    made = make(client, receiver.url)
    answer = client.post(f"/webhooks/{made['id']}/test")
    assert answer.status_code == 202
    queued = body(answer)
    assert (queued["type"], queued["status"], queued["attempts"]) == ("test", "pending", 0)
    with sending_in(services.database, services.settings):
        assert soon(lambda: rows(services.database)[0].status == "delivered")
    (got,) = receiver.got
    got.verify(made["secret"])
    assert (got.type, got.json["data"]) == ("test", {"webhook_id": made["id"]})
    assert got.id == queued["message_id"]
    (shown,) = body(client.get(f"/webhooks/{made['id']}/deliveries"))["deliveries"]
    assert (shown["id"], shown["status"], shown["response_status"]) == (
        queued["id"],
        "delivered",
        200,
    )
    assert shown["next_attempt_at"] is None
    assert shown["last_attempt_at"] >= shown["created_at"]


def test_deliveries_newest_first(client: FlaskClient, services: Services) -> None:
    made, other = make(client), make(client)
    place = f"/webhooks/{made['id']}"
    ids = [body(client.post(f"{place}/test"))["id"] for _ in range(5)]
    client.post(f"/webhooks/{other['id']}/test")
    with services.database.write() as session:
        deliveries.get(session, made["id"], ids[1]).status = DeliveryStatus.FAILED
    first = body(client.get(f"{place}/deliveries?limit=3"))
    second = body(client.get(f"{place}/deliveries?limit=3&cursor={first['next_cursor']}"))
    assert [one["id"] for one in first["deliveries"] + second["deliveries"]] == ids[::-1]
    assert second["next_cursor"] is None
    failed = body(client.get(f"{place}/deliveries?status=failed"))["deliveries"]
    assert [one["id"] for one in failed] == [ids[1]]
    refused(client.get(f"{place}/deliveries?status=lost"), 400, "invalid_parameter")
    refused(client.get(f"{place}/deliveries?cursor=x"), 400, "invalid_parameter")


def test_a_failed_delivery_is_sent_again(
    client: FlaskClient, services: Services, receiver: Receiver
) -> None:
    made = make(client, receiver.url)
    place = f"/webhooks/{made['id']}"
    delivery_id = body(client.post(f"{place}/test"))["id"]
    with services.database.write() as session:
        row = deliveries.get(session, made["id"], delivery_id)
        row.status, row.attempts, row.next_attempt_at = DeliveryStatus.FAILED, 11, None
    with sending_in(services.database, services.settings):
        answer = client.post(f"{place}/deliveries/{delivery_id}/retry")
        assert (answer.status_code, body(answer)["status"]) == (202, "pending")
        assert soon(lambda: rows(services.database)[0].status == "delivered")
    assert len(receiver.got) == 1
    other = make(client, receiver.url)
    refused(
        client.post(f"/webhooks/{other['id']}/deliveries/{delivery_id}/retry"), 404, "not_found"
    )


def test_nothing_is_sent_to_one_that_is_not_active(client: FlaskClient) -> None:
    made = make(client)
    place = f"/webhooks/{made['id']}"
    delivery_id = body(client.post(f"{place}/test"))["id"]
    client.patch(place, json={"active": False})
    refused(client.post(f"{place}/test"), 409, "conflict")
    refused(client.post(f"{place}/deliveries/{delivery_id}/retry"), 409, "conflict")


def test_every_act_is_in_the_audit(client: FlaskClient, services: Services) -> None:
    made = make(client)
    place, target = f"/webhooks/{made['id']}", str(made["id"])
    client.patch(place, json={"active": True})
    client.post(f"{place}/secret")
    delivery_id = body(client.post(f"{place}/test"))["id"]
    client.post(f"{place}/deliveries/{delivery_id}/retry")
    client.delete(place)
    acts = ("create", "change", "secret", "test", "retry", "delete")
    assert noted(services) == [(f"webhook.{act}", target) for act in acts]
    assert rows(services.database) == []


def test_refused_acts_leave_nothing(client: FlaskClient, services: Services) -> None:
    client.patch("/webhooks/9", json={"active": True})
    client.post("/webhooks", json={"url": "ftp://x/", "events": ["enrolled"]})
    assert noted(services) == []


def test_an_app_knows_these_addresses(app: Flask) -> None:
    rules = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/webhooks")}
    assert len(rules) == 6
