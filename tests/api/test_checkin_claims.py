"""What doors decide themselves: beside what the server recognizes, and never in its place."""

import csv
import io
import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from api import create_app
from core.settings import KeepPictures
from core.types import Decision
from pipeline.checkin_claims import Claim
from pipeline.checkins import Arrival
from pipeline.services import Services
from tests.api.contract_kit import Contract
from tests.api.kit import body, enroll, refused
from tests.checkin_kit import add_door, check_in, checked_in, listed, moment
from tests.fakes import fake_settings, group, make_services, nobody, portrait
from tests.webhook_kit import rows, subscribe

MATCH = {"device_decision": "match", "device_user_id": "1042", "device_similarity": "0.71"}
OPENED = {**MATCH, "device_opened": "true"}
NO_MATCH = {"device_decision": "no_match", "device_similarity": "0.2"}


@pytest.fixture
def client(services: Services) -> Iterator[FlaskClient]:
    """With persons 5 and 6 as 1042 and 1043, and one door."""
    app = create_app(services=services)
    contract = Contract(app)
    client = app.test_client()
    enroll(client, "1042", portrait(5))
    enroll(client, "1043", portrait(6))
    add_door(client)
    yield client
    contract.check()


def test_a_claim_stands_beside_what_the_server_says(client: FlaskClient) -> None:
    told = checked_in(client, portrait(5), claim=OPENED)
    assert told["device"] == {
        "decision": "match",
        "user_id": "1042",
        "similarity_score": 0.71,
        "opened": True,
        "review": False,
    }
    assert (told["decision"], told["user_id"], told["review"]) == ("match", "1042", False)
    (shown,) = listed(client)
    assert (shown["device"], shown["review"]) == (told["device"], False)


def test_without_a_claim_there_is_none(client: FlaskClient) -> None:
    for claim in ({}, {"device_opened": "false", "review": "false"}):
        told = checked_in(client, portrait(5), claim=claim)
        assert (told["device"], told["review"]) == (None, False)


@pytest.mark.parametrize(
    ("person", "claim", "review"),
    [
        (5, OPENED, False),
        (6, OPENED, True),
        (9, OPENED, True),
        (9, MATCH, False),
        (6, MATCH, False),
        (5, {"device_opened": "true"}, True),
        (5, {**NO_MATCH, "device_opened": "true"}, True),
        (5, NO_MATCH, False),
        (5, {**MATCH, "review": "true"}, True),
        (5, {"review": "true"}, True),
        (9, {"device_decision": "ambiguous", "review": "false"}, False),
    ],
)
def test_who_is_to_be_looked_at(
    client: FlaskClient, person: int, claim: dict[str, str], review: bool
) -> None:
    told = checked_in(client, portrait(person), claim=claim)
    assert told["review"] is review
    assert told["device"] is not None
    recognized = {5: "1042", 6: "1043"}.get(person)
    assert told["user_id"] == told["effective"]["user_id"] == recognized, "never the claim"


def test_of_two_alike_neither_is_confirmed(client: FlaskClient) -> None:
    enroll(client, "1044", portrait(5, 5))
    told = checked_in(client, portrait(5, 2), claim=OPENED)
    assert (told["decision"], told["user_id"], told["review"]) == ("ambiguous", None, True)


def test_a_claim_grants_nothing(client: FlaskClient) -> None:
    stranger = checked_in(client, portrait(9), claim=OPENED)
    assert (stranger["grant"], stranger["granted"], stranger["reason"]) == (
        False,
        False,
        "no_match",
    )
    late = checked_in(client, portrait(5), claim=OPENED, ago=3600)
    assert (late["grant"], late["granted"], late["reason"]) == (False, False, "late")
    assert late["late"] is True
    known = checked_in(client, portrait(5), claim=OPENED)
    assert (known["grant"], known["granted"], known["reason"]) == (False, False, "device")


@pytest.mark.parametrize("photo", [nobody(), group([5], [20]), portrait(5)[:-20]])
def test_a_door_that_opened_is_on_record_whatever_the_photo_shows(
    client: FlaskClient, photo: bytes
) -> None:
    assert check_in(client, photo, claim=MATCH).status_code == 422
    assert listed(client) == []
    event_id = str(uuid.uuid4())
    told = checked_in(client, photo, event_id=event_id, claim=OPENED)
    assert (told["decision"], told["user_id"], told["face"]) == ("no_match", None, None)
    assert (told["grant"], told["review"], told["device"]["user_id"]) == (False, True, "1042")
    assert [event["event_id"] for event in listed(client)] == [event_id]


def test_the_same_event_with_another_claim_is_another_check_in(client: FlaskClient) -> None:
    event_id, captured_at = str(uuid.uuid4()), moment()
    said: dict[str, Any] = {"event_id": event_id, "captured_at": captured_at}
    assert check_in(client, portrait(5), **said, claim=OPENED).status_code == 201
    again = check_in(client, portrait(5), **said, claim={**OPENED, "device_similarity": "0.710"})
    assert (again.status_code, body(again)["duplicate"]) == (200, True)
    for other in (
        {},
        MATCH,
        {**OPENED, "review": "true"},
        {**OPENED, "device_user_id": "1043"},
        {**OPENED, "device_similarity": "0.72"},
    ):
        answer = check_in(client, portrait(5), **said, claim=other)
        refused(answer, 409, "idempotency_conflict")
    assert len(listed(client)) == 1


def test_an_event_without_a_claim_is_told_as_before() -> None:
    """Those that were sent before doors could claim are sent again after."""
    at = datetime(2026, 1, 5, 8, tzinfo=UTC)
    arrival = Arrival("an id", "door-1", at, "in", b"a photo", at)
    known = "ec33e7612581d46ff94eba5053cdaf2e9ad5de0d3c08032063c91690c6410791"
    assert arrival.body_sha256 == known
    assert replace(arrival, claim=Claim(Decision.NO_MATCH)).body_sha256 != known


def test_a_correction_ends_the_review(client: FlaskClient) -> None:
    event = checked_in(client, portrait(9), claim=OPENED)
    other = checked_in(client, portrait(9), claim=OPENED)
    said = {"voided": False, "reason": "it was Ada, with a scarf"}
    answer = client.post(f"/checkins/{event['event_id']}/corrections", json=said)
    corrected = body(answer)
    assert (answer.status_code, corrected["review"]) == (201, False)
    assert corrected["device"] == event["device"], "what was claimed stays"
    assert [one["event_id"] for one in listed(client, "review=true")] == [other["event_id"]]


def test_what_is_to_be_looked_at_is_found(client: FlaskClient) -> None:
    wanted = checked_in(client, portrait(9), claim=OPENED)["event_id"]
    fine = checked_in(client, portrait(5), claim=OPENED)["event_id"]
    given = {"user_id": "1042", "at": moment(60), "reason": "forgot"}
    by_hand = body(client.post("/checkins/manual", json=given))
    assert (by_hand["device"], by_hand["review"]) == (None, False)
    assert [one["event_id"] for one in listed(client, "review=true")] == [wanted]
    found = [one["event_id"] for one in listed(client, "review=false")]
    assert found == [by_hand["event_id"], fine]
    refused(client.get("/checkins?review=maybe"), 400, "invalid_parameter")


def test_claims_in_the_table(client: FlaskClient) -> None:
    checked_in(client, portrait(9), claim=OPENED)
    checked_in(client, portrait(9))
    table = client.get("/checkins.csv?review=true").get_data(as_text=True).removeprefix("\ufeff")
    (row,) = csv.DictReader(io.StringIO(table))
    told = {name: row[name] for name in ("user_id", "review", *OPENED)}
    assert told == {"user_id": "", "review": "yes", **OPENED, "device_opened": "yes"}


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        ({"device_decision": "manual"}, "invalid_parameter"),
        ({"device_decision": "match"}, "invalid_parameter"),
        ({"device_user_id": "1042"}, "invalid_parameter"),
        ({**NO_MATCH, "device_user_id": "1042"}, "invalid_parameter"),
        ({"device_similarity": "0.5"}, "invalid_parameter"),
        ({**NO_MATCH, "device_similarity": "1.01"}, "invalid_parameter"),
        ({**NO_MATCH, "device_similarity": "nan"}, "invalid_parameter"),
        ({**NO_MATCH, "device_similarity": "0x1"}, "invalid_parameter"),
        ({"device_opened": "yes"}, "invalid_parameter"),
        ({"review": "1"}, "invalid_parameter"),
        ({**MATCH, "device_user_id": ".."}, "invalid_name"),
    ],
)
def test_claims_that_cannot_be(client: FlaskClient, claim: dict[str, str], code: str) -> None:
    refused(check_in(client, portrait(5), claim=claim), 400, code)
    assert listed(client) == []


def test_in_json_claims_have_types(client: FlaskClient) -> None:
    said = {"event_id": str(uuid.uuid4()), "captured_at": moment(), "device_id": "door-1"}
    photo = "iVBORw0KGgo="
    for wrong in ({"device_opened": 1}, {"device_decision": "no_match", "device_similarity": True}):
        answer = client.post("/checkins", json={**said, "photo": photo, **wrong})
        refused(answer, 400, "invalid_parameter")


def test_webhooks_tell_of_it(client: FlaskClient, services: Services) -> None:
    subscribe(services.database, "https://example.org/")
    checked_in(client, portrait(9), claim=OPENED)
    (row,) = rows(services.database)
    told = json.loads(row.payload)["data"]
    assert (told["review"], told["device_opened"]) == (True, True)
    assert (told["device_decision"], told["device_user_id"]) == ("match", "1042")
    assert told["user_id"] is None


def test_pictures_of_claims_go_with_the_person(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = fake_settings(tmp_path_factory.mktemp("kept"))
    kept = settings.model_copy(update={"keep_pictures": KeepPictures.ALL})
    services = make_services(kept)
    services.start()
    client = create_app(services=services).test_client()
    enroll(client, "1042", portrait(5))
    add_door(client)
    claimed = checked_in(client, portrait(9), claim=OPENED)
    other = checked_in(client, portrait(9))
    assert claimed["has_picture"]
    client.delete("/users/1042")
    left = {one["event_id"]: one["has_picture"] for one in listed(client)}
    assert left == {claimed["event_id"]: False, other["event_id"]: True}
    services.close()
