"""GET /attendance: days and people in order, by pages, and as a table."""

import csv
import io
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient

from api import create_app
from pipeline.services import Services
from tests.api.contract_kit import Contract
from tests.api.kit import body, refused

DAYS = "from=2026-01-01&to=2026-01-31"


@pytest.fixture
def client(services: Services) -> Iterator[FlaskClient]:
    app = create_app(services=services)
    contract = Contract(app)
    client = app.test_client()
    for user_id in ("anna", "bert", "Åse"):
        client.post("/users", json={"user_id": user_id})
    yield client
    contract.check()


def enter(client: FlaskClient, user_id: str, at: str, direction: str | None = None) -> str:
    said = {"user_id": user_id, "at": at, "direction": direction, "reason": "test"}
    answer = client.post("/checkins/manual", json=said)
    assert answer.status_code == 201, answer.text
    return str(body(answer)["event_id"])


def days(client: FlaskClient, query: str = DAYS) -> list[dict[str, Any]]:
    found = body(client.get(f"/attendance?{query}"))["attendance"]
    assert isinstance(found, list)
    return found


def test_first_in_and_last_out_by_day_and_person(client: FlaskClient) -> None:
    enter(client, "bert", "2026-01-05T08:00:00Z", "in")
    enter(client, "anna", "2026-01-05T17:00:00Z", "out")
    enter(client, "anna", "2026-01-05T08:30:00Z", "in")
    enter(client, "anna", "2026-01-06T09:00:00Z")
    assert days(client) == [
        {
            "date": "2026-01-05",
            "user_id": "anna",
            "first_in": "2026-01-05T08:30:00.000Z",
            "last_out": "2026-01-05T17:00:00.000Z",
            "events": 2,
            "corrected": True,
        },
        {
            "date": "2026-01-05",
            "user_id": "bert",
            "first_in": "2026-01-05T08:00:00.000Z",
            "last_out": None,
            "events": 1,
            "corrected": True,
        },
        {
            "date": "2026-01-06",
            "user_id": "anna",
            "first_in": "2026-01-06T09:00:00.000Z",
            "last_out": None,
            "events": 1,
            "corrected": True,
        },
    ]
    assert [row["user_id"] for row in days(client, f"{DAYS}&user_id=bert")] == ["bert"]
    assert days(client, "from=2026-01-06&to=2026-01-06")[0]["date"] == "2026-01-06"
    assert days(client, "from=2026-01-07&to=2026-01-31") == []


def test_a_day_is_one_of_the_time_zone(client: FlaskClient) -> None:
    enter(client, "anna", "2026-01-05T15:59:59Z", "in")
    enter(client, "anna", "2026-01-05T16:00:00Z", "in")
    assert [row["events"] for row in days(client)] == [2]
    kuala = days(client, f"{DAYS}&timezone=Asia/Kuala_Lumpur")
    assert [(row["date"], row["events"]) for row in kuala] == [("2026-01-05", 1), ("2026-01-06", 1)]
    assert body(client.get(f"/attendance?{DAYS}"))["timezone"] == "UTC"
    for wrong in ("Mars/Base", "..", "/etc/passwd", "", "Europe", "a%00b"):
        refused(client.get(f"/attendance?{DAYS}&timezone={wrong}"), 400, "invalid_parameter")


def test_corrected_and_voided_events_count_as_they_are_now(client: FlaskClient) -> None:
    moved = enter(client, "anna", "2026-01-05T08:00:00Z", "in")
    voided = enter(client, "anna", "2026-01-05T09:00:00Z", "in")
    said = {"user_id": "bert", "at": "2026-01-09T08:00:00Z", "reason": "another person and day"}
    assert client.post(f"/checkins/{moved}/corrections", json=said).status_code == 201
    void = {"voided": True, "reason": "never happened"}
    assert client.post(f"/checkins/{voided}/corrections", json=void).status_code == 201
    assert [(row["date"], row["user_id"]) for row in days(client)] == [("2026-01-09", "bert")]


@pytest.mark.parametrize("limit", [1, 2, 3, 500])
def test_pages_add_up_to_the_whole(client: FlaskClient, limit: int) -> None:
    for day in ("05", "06", "08"):
        for user_id in ("anna", "bert", "Åse"):
            enter(client, user_id, f"2026-01-{day}T08:00:00Z")
    seen: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        more = f"&cursor={cursor}" if cursor else ""
        page = body(client.get(f"/attendance?{DAYS}&limit={limit}{more}"))
        assert len(page["attendance"]) <= limit
        seen += page["attendance"]
        cursor = page["next_cursor"]
    assert seen == days(client)
    assert len(seen) == 9


def test_the_table_is_in_local_time(client: FlaskClient) -> None:
    enter(client, "Åse", "2026-07-05T06:00:00Z", "in")
    enter(client, "Åse", "2026-07-05T15:30:00Z", "out")
    query = "from=2026-07-01&to=2026-07-31&timezone=Europe/Berlin"
    response = client.get(f"/attendance.csv?{query}")
    assert response.headers["Content-Disposition"] == 'attachment; filename="attendance.csv"'
    (row,) = csv.DictReader(io.StringIO(response.data.decode("utf-8-sig")))
    assert row == {
        "date": "2026-07-05",
        "user_id": "Åse",
        "first_in": "2026-07-05 08:00:00",
        "last_out": "2026-07-05 17:30:00",
        "events": "2",
        "corrected": "yes",
        "timezone": "Europe/Berlin",
    }


def test_a_table_of_many_pages(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.attendance._ROWS_AT_ONCE", 2)
    for day in range(10, 17):
        enter(client, "anna", f"2026-01-{day}T08:00:00Z")
    lines = client.get(f"/attendance.csv?{DAYS}").text.splitlines()
    assert [line[:10] for line in lines[1:]] == [f"2026-01-{day}" for day in range(10, 17)]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("", "from"),
        ("from=2026-01-01", "to"),
        ("from=2026-01-02&to=2026-01-01", "to"),
        ("from=2026-01-01&to=2027-01-02", "to"),
        ("from=20260101&to=2026-01-02", "from"),
        ("from=2026-02-30&to=2026-03-01", "from"),
        ("from=0001-01-01&to=0001-01-02", "from"),
        ("from=9999-12-31&to=9999-12-31", "from"),
        (f"{DAYS}&cursor=eA", "cursor"),
        (f"{DAYS}&cursor=ZGF5OngoeQ", "cursor"),
    ],
)
def test_what_is_no_question(client: FlaskClient, query: str, parameter: str) -> None:
    for address in ("/attendance", "/attendance.csv"):
        if "cursor" not in query or not address.endswith("csv"):
            error = refused(client.get(f"{address}?{query}"), 400, "invalid_parameter")
            assert error["details"] == {"parameter": parameter}


def test_a_whole_year_can_be_asked_for(client: FlaskClient) -> None:
    enter(client, "anna", "2024-12-31T12:00:00Z")
    assert len(days(client, "from=2024-01-01&to=2024-12-31")) == 1


def test_the_zone_of_the_settings_is_the_default(client: FlaskClient, services: Services) -> None:
    services.settings = services.settings.model_copy(update={"timezone": "Asia/Tokyo"})
    enter(client, "anna", "2026-01-05T15:00:00Z")
    assert days(client)[0]["date"] == "2026-01-06"
    assert body(client.get(f"/attendance?{DAYS}"))["timezone"] == ZoneInfo("Asia/Tokyo").key
