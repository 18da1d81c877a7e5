"""GET /checkins, the table of them, corrections and events entered by hand."""

import csv
import io
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from api import create_app
from api.checkin_answers import COLUMNS
from db import audit, checkins
from db.session import Database
from pipeline.services import Services
from tests.api.contract_kit import Contract
from tests.api.kit import body, enroll, refused
from tests.checkin_kit import add_door, checked_in, listed, moment
from tests.fakes import portrait


@pytest.fixture
def client(services: Services) -> Iterator[FlaskClient]:
    """With persons 5 and 6 as 1042 and 1043, and two doors."""
    app = create_app(services=services)
    contract = Contract(app)
    client = app.test_client()
    enroll(client, "1042", portrait(5))
    enroll(client, "1043", portrait(6))
    add_door(client)
    add_door(client, "door-2", None)
    yield client
    contract.check()


def enter(client: FlaskClient, at: str, **said: Any) -> dict[str, Any]:
    given = {"user_id": "1042", "at": at, "reason": "forgot", **said}
    answer = client.post("/checkins/manual", json=given)
    assert answer.status_code == 201, answer.text
    return body(answer)


def correct(client: FlaskClient, event: dict[str, Any], **said: Any) -> dict[str, Any]:
    given = {"reason": "wrong", **said}
    answer = client.post(f"/checkins/{event['event_id']}/corrections", json=given)
    assert answer.status_code == 201, answer.text
    return body(answer)


def test_pages_begin_with_the_newest_and_miss_nothing_that_comes_meanwhile(
    client: FlaskClient,
) -> None:
    made = [checked_in(client, portrait(9), ago=n)["event_id"] for n in range(5)]
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = body(client.get(f"/checkins?limit=2{f'&cursor={cursor}' if cursor else ''}"))
        seen += [item["event_id"] for item in page["checkins"]]
        cursor = page["next_cursor"]
        checked_in(client, portrait(9))
    assert seen == made[::-1]
    refused(client.get("/checkins?cursor=YWZ0ZXI6MQ"), 400, "invalid_parameter")
    refused(client.get("/checkins?cursor=Zm9v"), 400, "invalid_parameter")
    refused(client.get("/checkins?cursor=%C3%A4"), 400, "invalid_parameter")


def test_every_filter(client: FlaskClient) -> None:
    one = checked_in(client, portrait(5), ago=3600)["event_id"]
    two = checked_in(client, portrait(6), device_id="door-2", direction="out")["event_id"]
    three = checked_in(client, portrait(9), device_id="door-2")["event_id"]
    four = enter(client, moment(7200))["event_id"]
    for query, wanted in (
        ("", [four, three, two, one]),
        ("user_id=1042", [four, one]),
        ("user_id=nobody", []),
        ("device_id=door-2", [three, two]),
        ("decision=no_match", [three]),
        ("decision=manual", [four]),
        ("direction=in", [one]),
        ("source=device&decision=match", [two, one]),
        (f"from={moment(60).replace('+', '%2B')}", [three, two]),
        (f"to={moment(60)}", [four, one]),
        (f"from={moment(5000)}&to={moment(60)}", [one]),
    ):
        assert [item["event_id"] for item in listed(client, query)] == wanted, query
    for wrong in ("decision=maybe", "direction=up", "source=x", "from=2026-01-05", "device_id=/"):
        refused(client.get(f"/checkins?{wrong}"), 400, "invalid_parameter")
    refused(client.get("/checkins?user_id=../x"), 400, "invalid_name")


def test_one_event_by_its_id(client: FlaskClient) -> None:
    event = checked_in(client, portrait(5))
    shown = body(client.get(f"/checkins/{event['event_id'].upper()}"))
    assert shown["event_id"] == event["event_id"]
    refused(client.get(f"/checkins/{uuid.uuid4()}"), 404, "not_found")
    refused(client.get("/checkins/1"), 404, "not_found")
    refused(client.get("/checkins/manual"), 404, "not_found")


def test_the_table_is_whole_in_utf8_and_without_formulas(client: FlaskClient) -> None:
    enroll(client, "Åse @home", portrait(7))
    checked_in(client, portrait(7))
    enter(client, moment(), reason='=HYPERLINK("http://evil")', author="@x, y")
    response = client.get("/checkins.csv")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="checkins.csv"'
    assert response.data.startswith(b"\xef\xbb\xbfevent_id,at,")
    rows = list(csv.DictReader(io.StringIO(response.data.decode("utf-8-sig"))))
    assert [row["user_id"] for row in rows] == ["1042", "Åse @home"]
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["note"] == '\'=HYPERLINK("http://evil")'
    assert rows[0]["author"] == "'@x, y"
    assert (rows[1]["granted"], rows[1]["reason"]) == ("yes", "")
    assert float(rows[1]["similarity_score"]) > 0.9
    only = client.get("/checkins.csv?source=manual").text.splitlines()
    assert len(only) == 2
    refused(client.get("/checkins.csv?from=x"), 400, "invalid_parameter")
    refused(client.get("/checkins.csv?limit=5"), 400, "invalid_parameter")


def test_a_table_of_many_pages(client: FlaskClient, services: Services) -> None:
    event = checked_in(client, portrait(5))
    copy_events(services.database, event["event_id"], 1203)
    rows = list(csv.DictReader(io.StringIO(client.get("/checkins.csv").text)))
    assert len({row[next(iter(row))] for row in rows}) == len(rows) == 1204


def copy_events(database: Database, event_id: str, number: int) -> None:
    with database.write() as session:
        first = checkins.get(session, event_id)
        names = [column.key for column in type(first).__table__.columns if column.key != "id"]
        for _ in range(number):
            values = {name: getattr(first, name) for name in names}
            session.add(type(first)(**{**values, "event_id": str(uuid.uuid4())}))


def test_a_correction_stands_beside_what_was_recorded(
    client: FlaskClient, services: Services
) -> None:
    event = checked_in(client, portrait(5))
    correct(client, event, user_id="1043", author="Ann")
    shown = correct(client, event, direction="out", reason="said so")
    assert (shown["user_id"], shown["direction"]) == ("1042", "in")
    assert shown["effective"] == {
        "user_id": "1043",
        "at": event["at"],
        "direction": "out",
        "voided": False,
    }
    assert [(c["user_id"], c["author"], c["reason"]) for c in shown["corrections"]] == [
        ("1043", "Ann", "wrong"),
        (None, "this machine", "said so"),
    ]
    assert {c["key_name"] for c in shown["corrections"]} == {"this machine"}
    assert [e["event_id"] for e in listed(client, "user_id=1043")] == [event["event_id"]]
    assert listed(client, "user_id=1042") == []
    shown = correct(client, event, voided=True)
    assert shown["effective"]["voided"] is True
    with services.database.read() as session:
        acts = audit.page(session, None, 3)
        assert [act.action for act in acts] == ["checkin.correct"] * 3
        assert acts[-1].target == event["event_id"]
        assert acts[-1].details["user_id"] == "1043"


def test_repeats_go_with_the_event_that_they_repeat(client: FlaskClient) -> None:
    event = checked_in(client, portrait(5), ago=8)
    repeat = checked_in(client, portrait(5), ago=2)
    correct(client, event, user_id="1043", at="2026-01-05T08:00:00Z")
    (shown,) = [e for e in listed(client) if e["event_id"] == repeat["event_id"]]
    assert shown["effective"]["user_id"] == "1043"
    assert shown["effective"]["at"].startswith("2026-01-05T08:00:0")
    assert shown["corrections"] == []
    shown = correct(client, repeat, user_id="1042")
    assert shown["effective"]["user_id"] == "1042"
    correct(client, event, voided=True)
    (shown,) = [e for e in listed(client) if e["event_id"] == repeat["event_id"]]
    assert shown["effective"]["voided"] is True
    assert shown["effective"]["user_id"] == "1042"


def test_what_was_said_of_an_event_moves_none_that_comes_later(client: FlaskClient) -> None:
    event = checked_in(client, portrait(5))
    correct(client, event, at=moment(3600))
    queued = checked_in(client, portrait(5), ago=3595)
    correct(client, event, direction="out")
    shown = body(client.get(f"/checkins/{queued['event_id']}"))
    assert shown["effective"] == queued["effective"]


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({}, 400, "invalid_parameter"),
        ({"user_id": None}, 400, "invalid_parameter"),
        ({"voided": "yes"}, 400, "invalid_parameter"),
        ({"voided": True, "reason": " "}, 400, "invalid_parameter"),
        ({"voided": True, "reason": None}, 400, "invalid_parameter"),
        ({"voided": True, "reason": "x" * 513}, 400, "invalid_parameter"),
        ({"voided": True, "author": ""}, 400, "invalid_parameter"),
        ({"voided": True, "event_id": "x"}, 400, "invalid_parameter"),
        ({"direction": "up"}, 400, "invalid_parameter"),
        ({"at": "1999-12-31T23:59:59Z"}, 400, "invalid_parameter"),
        ({"at": "2999-01-01T00:00:00Z"}, 400, "invalid_parameter"),
        ({"at": "2026-01-05T08:00:00"}, 400, "invalid_parameter"),
        ({"user_id": "nobody"}, 404, "not_found"),
        ({"user_id": "a/b"}, 400, "invalid_name"),
    ],
)
def test_what_is_no_correction(
    client: FlaskClient, said: dict[str, object], status: int, code: str
) -> None:
    event = checked_in(client, portrait(5))
    url = f"/checkins/{event['event_id']}/corrections"
    refused(client.post(url, json={"reason": "wrong", **said}), status, code)
    assert listed(client)[0]["corrections"] == []
    other = f"/checkins/{uuid.uuid4()}/corrections"
    refused(client.post(other, json={"reason": "x", "voided": True}), 404, "not_found")


def test_an_event_entered_by_hand_grants_nothing(client: FlaskClient, services: Services) -> None:
    event = enter(client, "2026-01-05T16:00:00+08:00", direction="in", author="Ann")
    assert (event["source"], event["decision"], event["reason"]) == ("manual", "manual", "manual")
    assert (event["granted"], event["device_id"], event["face"]) == (False, None, None)
    assert (event["at"], event["note"]) == ("2026-01-05T08:00:00.000Z", "forgot")
    assert (event["author"], event["key_name"]) == ("Ann", "this machine")
    with services.database.read() as session:
        act = audit.page(session, None, 1)[0]
        assert (act.action, act.target) == ("checkin.enter", event["event_id"])
    for wrong, status in (({"user_id": "nobody"}, 404), ({"at": None}, 400), ({"at": "x"}, 400)):
        said = {"user_id": "1042", "at": moment(), "reason": "forgot", **wrong}
        assert client.post("/checkins/manual", json=said).status_code == status
    future = {"user_id": "1042", "at": moment(-120), "reason": "tomorrow"}
    refused(client.post("/checkins/manual", json=future), 400, "invalid_parameter")


def test_an_event_entered_twice_with_one_key_is_entered_once(client: FlaskClient) -> None:
    said = {"user_id": "1042", "at": moment(), "reason": "forgot"}
    made = [
        body(client.post("/checkins/manual", json=said, headers={"Idempotency-Key": "k"}))
        for _ in range(2)
    ]
    assert made[0]["event_id"] == made[1]["event_id"]
    assert len(listed(client)) == 1


def test_events_stay_when_their_person_goes(client: FlaskClient) -> None:
    event = checked_in(client, portrait(5))
    assert client.delete("/users/1042").status_code == 204
    shown = body(client.get(f"/checkins/{event['event_id']}"))
    assert (shown["user_id"], shown["granted"]) == ("1042", True)
    assert client.delete("/devices/door-1").status_code == 204
    assert body(client.get(f"/checkins/{event['event_id']}"))["device_id"] == "door-1"
    year = datetime.now(UTC).year
    address = f"/attendance?from={year}-01-01&to={year}-12-31&user_id=1042"
    assert len(body(client.get(address))["attendance"]) == 1
