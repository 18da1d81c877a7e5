"""POST /checkins: recorded once, granted at most once, and only when it is fresh and sure."""

import base64
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from api import create_app
from core.access import LOCAL, Scope
from core.settings import Auth
from core.types import Decision
from db import checkins
from pipeline import checkins as taking
from pipeline.deletion import delete_user
from pipeline.keys import NewKey, create
from pipeline.recognizer import Question, Recognition, Recognizer
from pipeline.services import Services
from tests.api.contract_kit import Contract
from tests.api.keys_kit import audited, eventually
from tests.api.kit import body, enroll, post_form, refused
from tests.checkin_kit import add_door, check_in, checked_in, listed, moment
from tests.fakes import fake_settings, group, make_services, nobody, portrait
from tests.webhook_kit import rows, subscribe

EVENT = "0a8d2c1e-9d6f-4a57-9b0c-1f2e3d4c5b6a"


@pytest.fixture
def client(services: Services) -> Iterator[FlaskClient]:
    """With person 5 as 1042, and one door."""
    app = create_app(services=services)
    contract = Contract(app)
    client = app.test_client()
    enroll(client, "1042", portrait(5))
    add_door(client)
    yield client
    contract.check()


def test_a_known_face_is_let_in_and_recorded(client: FlaskClient) -> None:
    response = check_in(client, portrait(5, 3), EVENT.upper())
    told = body(response)
    assert (response.status_code, response.headers["Location"]) == (201, f"/checkins/{EVENT}")
    assert (told["grant"], told["granted"], told["reason"]) == (True, True, None)
    assert (told["decision"], told["user_id"]) == ("match", "1042")
    assert told["profile"]["user_id"] == "1042"
    assert (told["source"], told["device_id"], told["direction"]) == ("device", "door-1", "in")
    assert (told["late"], told["clock_suspect"], told["duplicate"]) == (False, False, False)
    assert told["at"] == told["captured_at"]
    assert told["face"]["box"] == {"x": 0, "y": 0, "width": 120, "height": 160}
    shown = body(client.get(f"/checkins/{EVENT}"))
    answered = {"request_id", "grant", "duplicate", "profile"}
    assert {**shown, "request_id": ""} == {
        **{name: value for name, value in told.items() if name not in answered},
        "request_id": "",
    }
    assert body(client.get("/devices/door-1"))["status"] == "online"


def test_a_stranger_is_recorded_and_not_let_in(client: FlaskClient) -> None:
    told = checked_in(client, portrait(9))
    assert (told["grant"], told["granted"], told["reason"]) == (False, False, "no_match")
    assert (told["user_id"], told["face_id"], told["profile"]) == (None, None, None)
    assert told["similarity_score"] is not None
    assert len(listed(client)) == 1


def test_of_two_alike_neither_is_let_in(client: FlaskClient) -> None:
    enroll(client, "1043", portrait(5, 5))
    told = checked_in(client, portrait(5, 2))
    assert (told["grant"], told["reason"], told["user_id"]) == (False, "ambiguous", None)


def test_the_largest_face_of_a_frame_counts(client: FlaskClient) -> None:
    told = checked_in(client, group([9, 5], [50, 90]))
    assert (told["grant"], told["user_id"]) == (True, "1042")


@pytest.mark.parametrize(
    ("ago", "reason", "late", "suspect"),
    [
        (9, None, False, False),
        (-1.5, None, False, False),
        (11, "late", True, False),
        (29 * 86400, "late", True, False),
        (31 * 86400, "late", True, True),
        (-5, "clock", False, False),
        (-59, "clock", False, False),
        (-65, "clock", False, True),
    ],
)
def test_only_a_fresh_picture_opens(
    client: FlaskClient, ago: float, reason: str | None, late: bool, suspect: bool
) -> None:
    told = checked_in(client, portrait(5), ago=ago)
    assert (told["grant"], told["reason"]) == (reason is None, reason)
    assert (told["late"], told["clock_suspect"]) == (late, suspect)
    assert told["at"] == (told["received_at"] if suspect else told["captured_at"])
    assert told["user_id"] == "1042", "what it shows is recorded all the same"


def test_a_picture_that_is_old_when_it_is_recognized_opens_nothing(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = iter([0.0, 60.0])
    monkeypatch.setattr(taking, "time", SimpleNamespace(monotonic=lambda: next(waited)))
    told = checked_in(client, portrait(5))
    assert (told["grant"], told["reason"], told["late"]) == (False, "slow", False)


def test_an_inactive_device_opens_nothing(client: FlaskClient) -> None:
    client.patch("/devices/door-1", json={"active": False})
    told = checked_in(client, portrait(5))
    assert (told["grant"], told["reason"], told["user_id"]) == (False, "inactive_device", "1042")


def test_the_same_event_again_opens_nothing(client: FlaskClient) -> None:
    taken = moment()
    first = checked_in(client, portrait(5), event_id=EVENT, captured_at=taken)
    response = check_in(client, portrait(5), EVENT, captured_at=taken)
    again = body(response)
    assert (first["grant"], response.status_code) == (True, 200)
    assert (again["grant"], again["reason"], again["duplicate"]) == (False, "duplicate", True)
    assert (again["granted"], again["profile"]["user_id"]) == (True, "1042")
    same = set(first) - {"request_id", "grant", "reason", "duplicate"}
    assert {name: again[name] for name in same} == {name: first[name] for name in same}
    assert len(listed(client)) == 1


def test_another_check_in_under_the_same_id_is_refused(client: FlaskClient) -> None:
    add_door(client, "door-2")
    taken = moment()
    checked_in(client, portrait(5), event_id=EVENT, captured_at=taken)
    for other in (
        check_in(client, portrait(5, 1), EVENT, captured_at=taken),
        check_in(client, portrait(5), EVENT, captured_at=moment(1)),
        check_in(client, portrait(5), EVENT, captured_at=taken, device_id="door-2"),
        check_in(client, portrait(5), EVENT, captured_at=taken, direction="in"),
    ):
        refused(other, 409, "idempotency_conflict")
    assert len(listed(client)) == 1


def test_one_moment_written_twice_is_the_same_event(client: FlaskClient) -> None:
    for captured_at, duplicate in (
        ("2026-01-05T08:00:00.250Z", False),
        ("2026-01-05T16:00:00.25+08:00", True),
        ("2026-01-05t08:00:00.250000z", True),
    ):
        told = checked_in(client, portrait(5), event_id=EVENT, captured_at=captured_at)
        assert told["duplicate"] is duplicate


def test_a_duplicate_never_names_who_has_the_number_now(
    client: FlaskClient, services: Services
) -> None:
    taken = moment()
    checked_in(client, portrait(5), event_id=EVENT, captured_at=taken)
    client.delete("/users/1042")
    enroll(client, "1042", portrait(200))
    again = checked_in(client, portrait(5), event_id=EVENT, captured_at=taken)
    assert (again["duplicate"], again["user_id"], again["profile"]) == (True, "1042", None)


def test_the_next_check_in_within_the_cooldown_opens_and_repeats(client: FlaskClient) -> None:
    first = checked_in(client, portrait(5), ago=8)
    told = checked_in(client, portrait(5, 2), ago=1)
    assert (told["grant"], told["repeat_of"]) == (True, first["event_id"])
    third = checked_in(client, portrait(5, 3), ago=0)
    assert third["repeat_of"] == first["event_id"], "of the event that counts"


def test_a_door_that_opens_after_it_did_not_is_announced(
    client: FlaskClient, services: Services
) -> None:
    subscribe(services.database, "https://example.org/")
    checked_in(client, portrait(5), ago=20)
    assert checked_in(client, portrait(5, 1), ago=1)["grant"] is True
    told = [json.loads(row.payload)["data"]["granted"] for row in rows(services.database)]
    assert told == [False, True]


@pytest.mark.parametrize(
    "other",
    [{"direction": "out"}, {"device_id": "door-2"}, {"ago": 31}, {"photo": portrait(9)}],
)
def test_another_door_way_time_or_person_is_no_repeat(
    client: FlaskClient, other: dict[str, Any]
) -> None:
    add_door(client, "door-2")
    checked_in(client, portrait(5))
    told = checked_in(client, other.pop("photo", portrait(5)), **other)
    assert told["repeat_of"] is None


def test_an_earlier_event_that_comes_later_repeats_too(client: FlaskClient) -> None:
    first = checked_in(client, portrait(5), ago=100)
    assert checked_in(client, portrait(5), ago=110)["repeat_of"] == first["event_id"]


def test_photos_that_show_nobody_are_refused_and_not_recorded(client: FlaskClient) -> None:
    refused(check_in(client, nobody(), EVENT), 422, "no_face")
    refused(check_in(client, b"\x89PNG\r\n\x1a\n broken", EVENT), 422, "image_corrupt")
    refused(check_in(client, group([5], [20]), EVENT), 422, "face_too_small")
    assert listed(client) == []
    assert checked_in(client, portrait(5), event_id=EVENT)["grant"] is True


@pytest.mark.parametrize(
    ("said", "parameter"),
    [
        ({"event_id": "1"}, "event_id"),
        ({"event_id": "{0a8d2c1e-9d6f-4a57-9b0c-1f2e3d4c5b6a}"}, "event_id"),
        ({"event_id": f"{EVENT}\n"}, "event_id"),
        ({"captured_at": "2026-01-05T08:00:00"}, "captured_at"),
        ({"captured_at": "2026-02-30T08:00:00Z"}, "captured_at"),
        ({"captured_at": "0001-01-01T00:00:00+14:00"}, "captured_at"),
        ({"captured_at": "now"}, "captured_at"),
        ({"device_id": "../door"}, "device_id"),
        ({"direction": "up"}, "direction"),
    ],
)
def test_what_is_no_check_in(client: FlaskClient, said: dict[str, str], parameter: str) -> None:
    error = refused(check_in(client, portrait(5), **said), 400, "invalid_parameter")  # type: ignore[arg-type]
    assert error["details"] == {"parameter": parameter}
    assert listed(client) == []


def test_what_must_be_given(client: FlaskClient) -> None:
    given = {"event_id": EVENT, "captured_at": moment(), "device_id": "door-1"}
    for missing in given:
        said = {name: value for name, value in given.items() if name != missing}
        answer = client.post(
            "/checkins", data=portrait(5), content_type="image/png", query_string=said
        )
        assert refused(answer, 400, "invalid_parameter")["details"] == {"parameter": missing}
    refused(check_in(client, portrait(5), device_id="door-9"), 404, "not_found")
    refused(check_in(client, b""), 400, "empty_file")


def test_a_plus_lost_in_a_query_is_found(client: FlaskClient) -> None:
    address = f"/checkins?event_id={EVENT}&device_id=door-1&captured_at=2026-01-05T16:00:00+08:00"
    told = body(client.post(address, data=portrait(5), content_type="image/png"))
    assert told["captured_at"] == "2026-01-05T08:00:00.000Z"


def test_the_three_forms_of_a_photo_are_one_check_in(client: FlaskClient) -> None:
    taken = moment()
    said = {"event_id": EVENT, "captured_at": taken, "device_id": "door-1"}
    text = base64.b64encode(portrait(5)).decode()
    assert body(client.post("/checkins", json={**said, "photo": text}))["grant"] is True
    query = f"event_id={EVENT}&device_id=door-1&captured_at={taken.replace('+', '%2B')}"
    told = body(post_form(client, f"/checkins?{query}", portrait(5)))
    assert told["duplicate"] is True


def test_an_idempotency_key_never_repeats_a_grant(client: FlaskClient) -> None:
    query = {"event_id": EVENT, "captured_at": moment(), "device_id": "door-1"}

    def send() -> Any:
        return body(
            client.post(
                "/checkins",
                data=portrait(5),
                content_type="image/png",
                query_string=query,
                headers={"Idempotency-Key": "again"},
            )
        )["grant"]

    assert [send(), send(), send()] == [True, False, False]


def test_one_person_deleted_while_recognized_is_not_let_in(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognize = Recognizer.recognize
    asked: list[Recognition] = []

    def then_delete(self: Recognizer, data: bytes, question: Question) -> Recognition:
        found = recognize(self, data, question)
        if not asked:
            delete_user(services.database, services.settings.photo_dir, "1042")
        asked.append(found)
        return found

    monkeypatch.setattr(Recognizer, "recognize", then_delete)
    told = checked_in(client, portrait(5))
    assert asked[0].answers[0].decision is Decision.MATCH
    assert (told["grant"], told["decision"], told["user_id"]) == (False, "no_match", None)
    assert len(asked) == 2, "asked again, and nobody was found"


def test_one_who_is_gone_at_every_try_is_not_named(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = services.engine().recognizer.recognize(portrait(5), Question())
    monkeypatch.setattr(Recognizer, "recognize", lambda *_: found)
    delete_user(services.database, services.settings.photo_dir, "1042")
    told = checked_in(client, portrait(5))
    assert (told["grant"], told["reason"], told["user_id"]) == (False, "deleted", None)
    assert told["decision"] == "no_match"


def test_a_replaced_face_is_asked_for_again(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognize = Recognizer.recognize
    asked: list[Recognition] = []

    def then_replace(self: Recognizer, data: bytes, question: Question) -> Recognition:
        found = recognize(self, data, question)
        if not asked:
            client.delete("/users/1042")
            enroll(client, "1042", portrait(5, 4))
        asked.append(found)
        return found

    monkeypatch.setattr(Recognizer, "recognize", then_replace)
    told = checked_in(client, portrait(5))
    assert (told["grant"], told["user_id"], len(asked)) == (True, "1042", 2)


def test_a_race_lost_at_the_last_moment_is_a_repetition(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another database, whose writers do not wait for each other, would do."""
    taken = moment()
    checked_in(client, portrait(5), event_id=EVENT, captured_at=taken)
    find, seen = checkins.find, iter([True, True, True])
    monkeypatch.setattr(
        checkins, "find", lambda *asked: None if next(seen, False) else find(*asked)
    )
    told = checked_in(client, portrait(5), event_id=EVENT, captured_at=taken)
    assert (told["grant"], told["duplicate"]) == (False, True)
    assert len(listed(client)) == 1


def test_what_is_known_is_not_recognized_again(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = moment()
    checked_in(client, portrait(5), event_id=EVENT, captured_at=taken)
    monkeypatch.setattr(Recognizer, "recognize", None)
    assert checked_in(client, portrait(5), event_id=EVENT, captured_at=taken)["duplicate"] is True


def test_many_at_once_are_one_event_and_one_grant(client: FlaskClient) -> None:
    taken, events = moment(), [str(uuid.uuid4()) for _ in range(6)]

    def send(event_id: str) -> tuple[str, bool]:
        while True:
            answer = check_in(client, portrait(5), event_id, captured_at=taken)
            if answer.status_code != 503:
                return event_id, body(answer)["grant"]

    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(send, events * 8))
    for event_id in events:
        assert [grant for name, grant in told if name == event_id].count(True) == 1
    assert sorted(item["event_id"] for item in listed(client)) == sorted(events)


class TestKeys:
    """With keys, a device speaks for itself only."""

    @pytest.fixture
    def keyed(self, tmp_path: Path) -> Iterator[tuple[FlaskClient, Services, str]]:
        settings = fake_settings(tmp_path).model_copy(update={"auth": Auth.REQUIRED})
        services = make_services(settings)
        services.start()
        client = create_app(services=services).test_client()
        with services.database.write() as session:
            wanted = NewKey("admin", frozenset([Scope.ADMIN]))
            admin = create(session, wanted, LOCAL.name).text
        yield client, services, admin
        services.close()

    def door(self, client: FlaskClient, admin: str, device_id: str) -> str:
        said = {"device_id": device_id, "name": device_id}
        made = client.post("/devices", json=said, headers={"X-API-Key": admin})
        return str(body(made)["key"])

    def test_the_keys_own_device_is_the_default(
        self, keyed: tuple[FlaskClient, Services, str]
    ) -> None:
        client, _, admin = keyed
        photo = {"data": portrait(5), "content_type": "image/png"}
        client.post("/users/1042/photos", headers={"X-API-Key": admin}, **photo)
        key = self.door(client, admin, "door-1")
        told = checked_in(client, portrait(5), device_id=None, key=key)
        assert (told["device_id"], told["grant"], told["direction"]) == ("door-1", True, None)

    def test_no_key_speaks_for_another_device(
        self, keyed: tuple[FlaskClient, Services, str]
    ) -> None:
        client, services, admin = keyed
        key = self.door(client, admin, "door-1")
        self.door(client, admin, "door-2")
        refused(check_in(client, portrait(5), device_id="door-2", key=key), 403, "forbidden")
        refused(check_in(client, portrait(5), device_id="door-1", key=admin), 403, "forbidden")
        refused(client.get("/checkins", headers={"X-API-Key": key}), 403, "forbidden")
        with services.database.read() as session:
            assert checkins.page(session, None, 10, checkins.Filter()) == []
        eventually(
            lambda: (
                ("POST /checkins", "forbidden")
                in [(act["action"], act["outcome"]) for act in audited(client, admin)]
            )
        )
