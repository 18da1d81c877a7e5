"""Idempotency-Key: done once, answered the same every time, never for another request."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from core.errors import Busy, IdempotencyConflict, Vanished
from db.delivery_models import StoredAnswer
from db.stored_answers import Given
from pipeline.enrollment import Enrollment
from pipeline.repetition import Claim, Repetition
from pipeline.services import Services
from tests.api.keys_kit import eventually
from tests.api.kit import body, enroll, post_form, refused
from tests.fakes import nobody, portrait

KEY = {"Idempotency-Key": "first-try"}


def create(
    client: FlaskClient, user_id: str, headers: dict[str, str] | None = None
) -> TestResponse:
    sent = KEY if headers is None else headers
    return client.post("/users", json={"user_id": user_id}, headers=sent)


def told(response: TestResponse) -> dict[str, Any]:
    """The answer but for the name of the request."""
    value = body(response)
    del value["request_id"]
    return value


def test_the_same_request_gets_the_same_answer(client: FlaskClient) -> None:
    first, again = create(client, "anna"), create(client, "anna")
    assert (first.status_code, again.status_code) == (201, 201)
    assert told(first) == told(again)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    refused(create(client, "anna", {"Idempotency-Key": "second-try"}), 409, "conflict")


def test_another_body_under_the_same_key_is_refused(client: FlaskClient) -> None:
    create(client, "anna")
    refused(create(client, "bert"), 409, "idempotency_conflict")
    assert client.get("/users/bert").status_code == 404


def test_another_address_under_the_same_key_is_refused(client: FlaskClient) -> None:
    create(client, "anna")
    other = client.post("/users?x=1", json={"user_id": "anna"}, headers=KEY)
    refused(other, 409, "idempotency_conflict")


def test_a_refusal_that_stands_is_repeated(client: FlaskClient) -> None:
    create(client, "anna", {"Idempotency-Key": "a"})
    refused(create(client, "anna", {"Idempotency-Key": "b"}), 409, "conflict")
    client.delete("/users/anna")
    again = create(client, "anna", {"Idempotency-Key": "b"})
    refused(again, 409, "conflict")
    assert again.headers["Idempotency-Replayed"] == "true"


def test_forms_are_compared_by_what_they_hold(client: FlaskClient) -> None:
    """Every client cuts a form at another boundary, each time anew."""

    def send(name: str, edge: str, photo: bytes) -> TestResponse:
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="photo"; filename="{name}"\r\n\r\n'
        )
        return client.post(
            "/users/anna/photos",
            data=head.encode() + photo + f"\r\n--{edge}--\r\n".encode(),
            content_type=f"multipart/form-data; boundary={edge}",
            headers=KEY,
        )

    first, again = send("a.png", "edge", portrait(5)), send("b.png", "rim", portrait(5))
    assert (first.status_code, again.status_code) == (201, 201)
    assert told(first) == told(again)
    refused(send("a.png", "edge", portrait(5, 1)), 409, "idempotency_conflict")


def test_raw_photos_are_enrolled_after_their_bytes_were_compared(client: FlaskClient) -> None:
    def send() -> TestResponse:
        return client.post(
            "/users/anna/photos", data=portrait(5), content_type="image/png", headers=KEY
        )

    assert told(send()) == told(send())
    assert len(body(client.get("/users/anna/photos"))["photos"]) == 1
    bad = client.post(
        "/users/anna/photos",
        data=nobody(),
        content_type="image/png",
        headers={"Idempotency-Key": "bad"},
    )
    refused(bad, 422, "no_face")


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256])
def test_keys_that_are_none(client: FlaskClient, key: str) -> None:
    refused(create(client, "anna", {"Idempotency-Key": key}), 400, "invalid_parameter")


def test_what_creates_nothing_takes_no_notice(client: FlaskClient) -> None:
    for person in (5, 6):
        answer = client.post(
            "/upload_photo", data=portrait(person), content_type="image/png", headers=KEY
        )
        assert answer.status_code == 200


def test_a_failure_that_passes_is_tried_again(cold_services: Services) -> None:
    from api import create_app

    client = create_app(services=cold_services).test_client()

    def send() -> TestResponse:
        return post_form_with_key(client)

    refused(send(), 503, "not_ready")
    cold_services.start()
    assert send().status_code == 201


def post_form_with_key(client: FlaskClient) -> TestResponse:
    client.environ_base["HTTP_IDEMPOTENCY_KEY"] = "later"
    return post_form(client, "/users/anna/photos", portrait(5))


def test_a_photo_that_went_away_meanwhile_may_be_sent_again(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanish(*args: object) -> None:
        raise Vanished("the photo was deleted while it was being enrolled")

    with monkeypatch.context() as patched:
        patched.setattr(Enrollment, "enroll", vanish)
        refused(post_form_with_key(client), 409, "vanished")
    assert post_form_with_key(client).status_code == 201


MANUAL = {"user_id": "anna", "at": "2026-01-05T08:00:00Z", "direction": "in", "reason": "no badge"}


@pytest.mark.parametrize(
    ("url", "body_"), [("/users", {"user_id": "bert"}), ("/checkins/manual", MANUAL)]
)
def test_what_was_done_is_not_done_again_where_its_answer_could_not_be_kept_after_it(
    client: FlaskClient,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    body_: dict[str, str],
) -> None:
    """As where a process is killed between the two: the client never had an answer."""

    def fail(*args: object) -> None:
        raise Busy("the database is busy")

    create(client, "anna", {})
    with monkeypatch.context() as patched:
        patched.setattr(Repetition, "keep", fail)
        first = client.post(url, json=body_, headers=KEY)
    with services.database.write() as session:
        session.execute(
            update(StoredAnswer).values(created_at=datetime.now(UTC) - timedelta(seconds=61))
        )
    again = client.post(url, json=body_, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert told(first) == told(again)


def test_answers_of_yesterday_go_although_nobody_asks(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        create(client, f"anna{number}", {"Idempotency-Key": str(number)})
    age(services, timedelta(hours=24, seconds=1))
    create(client, "bert", {})
    monkeypatch.setattr("pipeline.services._UPKEEP_SECONDS", 0.01)
    services.start_in_background()
    eventually(lambda: stored(services) == 0)


def stored(services: Services) -> int:
    with services.database.read() as session:
        return len(session.execute(select(StoredAnswer)).all())


def test_after_a_day_it_is_another_request(client: FlaskClient, services: Services) -> None:
    create(client, "anna")
    age(services, timedelta(hours=24, seconds=1))
    refused(create(client, "anna"), 409, "conflict")


def test_the_work_of_a_dead_process_is_taken_over(services: Services) -> None:
    memory = Repetition(services.database)
    dead = memory.begin("local", "key", "same")
    assert isinstance(dead, Claim)
    with pytest.raises(Exception, match="being worked on"):
        memory.begin("local", "key", "same")
    age(services, timedelta(seconds=61))
    with pytest.raises(IdempotencyConflict):
        memory.begin("local", "key", "other")
    heir = memory.begin("local", "key", "same")
    assert isinstance(heir, Claim)
    # It was only slow: its answer is not the one that is kept.
    memory.keep(dead, Given(201, '{"by": "dead"}', None), None)
    memory.keep(heir, Given(201, '{"by": "heir"}', None), None)
    assert memory.begin("local", "key", "same") == Given(201, '{"by": "heir"}', None)


def test_keys_belong_to_who_sends_them(services: Services) -> None:
    memory = Repetition(services.database)
    assert isinstance(memory.begin("anna", "key", "x"), Claim)
    assert isinstance(memory.begin("bert", "key", "y"), Claim)


def test_many_at_once_are_done_once(client: FlaskClient, services: Services) -> None:
    app = client.application

    def send(_: int) -> TestResponse:
        return create(app.test_client(), "anna")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(40)))
    assert {answer.status_code for answer in answers} <= {201, 503}
    made = [answer for answer in answers if answer.status_code == 201]
    assert sum("Idempotency-Replayed" not in answer.headers for answer in made) == 1
    assert len({str(told(answer)) for answer in made}) == 1


def test_the_answers_go_with_the_person(client: FlaskClient, services: Services) -> None:
    create(client, "anna")
    client.delete("/users/anna")
    with services.database.read() as session:
        assert session.execute(select(StoredAnswer)).all() == []


def test_answers_about_others_that_name_a_person_go_with_them(
    client: FlaskClient, services: Services
) -> None:
    create(client, "bert", {"Idempotency-Key": "bert"})
    enroll(client, "anna", portrait(5))
    url = "/users/bert/photos?mode=strict"
    photo = portrait(5, 1)
    answer = client.post(url, data=photo, content_type="image/png", headers=KEY)
    assert refused(answer, 409, "face_conflict")["details"]["user_id"] == "anna"
    assert stored(services) == 2
    client.delete("/users/anna")
    assert stored(services) == 1


def age(services: Services, by: timedelta) -> None:
    with services.database.write() as session:
        session.execute(update(StoredAnswer).values(created_at=datetime.now(UTC) - by))


def test_what_was_taken_over_meanwhile_is_not_done_twice(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first attempt that hung for minutes, and ends after the second."""
    client.post("/users", json={"user_id": "anna"})
    entered = {
        "user_id": "anna",
        "at": "2026-01-02T08:00:00Z",
        "reason": "forgot",
        "direction": "in",
    }
    answers: list[TestResponse] = []

    def send() -> TestResponse:
        return client.post("/checkins/manual", json=entered, headers=KEY)

    def hangs(name: str) -> str:
        monkeypatch.setattr("api.checkin_words.normalize_user_id", lambda name: name)
        age(services, timedelta(minutes=5))
        with ThreadPoolExecutor(1) as pool:
            answers.append(pool.submit(send).result())
        return name

    monkeypatch.setattr("api.checkin_words.normalize_user_id", hangs)
    refused(send(), 503, "busy")
    assert answers[0].status_code == 201
    assert told(send()) == told(answers[0])
    assert len(body(client.get("/checkins"))["checkins"]) == 1
