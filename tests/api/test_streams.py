"""POST /stream/frames: who is in a frame, at once or never; nothing is kept."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api import create_app
from core.access import Scope
from pipeline.services import Services
from pipeline.streams import MAX_FRAME_BYTES
from tests.api.contract_kit import Contract
from tests.api.keys_kit import make_key, sent, with_keys
from tests.api.kit import body, enroll, post_form, refused
from tests.checkin_kit import add_door, listed, moment
from tests.fakes import fake_settings, group, make_services, nobody, portrait
from tests.images_made import png_bomb


def look(client: FlaskClient, photo: bytes, key: str | None = None, **said: str) -> TestResponse:
    """A frame of this moment."""
    query = urlencode({"captured_at": moment(), **said})
    headers = sent(key) if key else {}
    url = f"/stream/frames?{query}"
    return client.post(url, data=photo, content_type="image/png", headers=headers)


def test_all_faces_largest_first_and_only_matches_are_named(client: FlaskClient) -> None:
    enroll(client, "1042", portrait(5))
    client.patch("/users/1042", json={"name": "Ada Lovelace"})
    said = body(look(client, group([9, 5], [80, 60]), frame="17"))
    assert said["frame"] == 17
    assert said["age_ms"] >= 0
    stranger, ada = said["faces"]
    assert (stranger["decision"], stranger["user_id"], stranger["name"]) == ("no_match", None, None)
    assert (ada["decision"], ada["user_id"], ada["name"]) == ("match", "1042", "Ada Lovelace")
    assert stranger["similarity_score"] < stranger["threshold"] == 0.6 <= ada["similarity_score"]
    assert ada["box"] == {"x": 120, "y": 0, "width": 60, "height": 160}
    assert set(ada["landmarks"]) == {"left_eye", "right_eye", "nose", "mouth_left", "mouth_right"}
    assert said["unused_faces"] == []


def test_of_two_alike_neither_is_named(client: FlaskClient) -> None:
    for user_id, shade in (("a", 1), ("b", 2)):
        enroll(client, user_id, portrait(5, shade))
    (face,) = body(look(client, portrait(5, 9)))["faces"]
    assert (face["decision"], face["user_id"], face["name"]) == ("ambiguous", None, None)


def test_nobody_is_an_answer_and_who_is_far_away_too(client: FlaskClient) -> None:
    assert body(look(client, nobody()))["faces"] == []
    said = body(look(client, group([5], [20])))
    assert said["faces"] == []
    assert [face["reason"] for face in said["unused_faces"]] == ["face_too_small"]


def test_nothing_is_recorded_and_nothing_is_stored(client: FlaskClient, services: Services) -> None:
    add_door(client)
    enroll(client, "1042", portrait(5))
    folder = services.settings.photo_dir
    before = sorted(folder.rglob("*"))
    assert body(look(client, portrait(5), device_id="door-1"))["faces"]
    assert listed(client) == []
    assert sorted(folder.rglob("*")) == before
    assert body(client.get("/devices/door-1"))["status"] == "never"


def test_the_three_forms(client: FlaskClient) -> None:
    url = f"/stream/frames?{urlencode({'captured_at': moment()})}"
    assert len(body(post_form(client, url, portrait(5)))["faces"]) == 1


@pytest.mark.parametrize(
    ("said", "parameter"),
    [
        ({"captured_at": "now"}, "captured_at"),
        ({"captured_at": "2026-01-05T08:00:00"}, "captured_at"),
        ({"frame": "-1"}, "frame"),
        ({"frame": "1000000000"}, "frame"),
        ({"device_id": "../x"}, "device_id"),
    ],
)
def test_what_cannot_be_is_said(reader: FlaskClient, said: dict[str, str], parameter: str) -> None:
    error = refused(look(reader, portrait(5), **said), 400, "invalid_parameter")
    assert error["details"]["parameter"] == parameter


def test_captured_at_must_be_given(reader: FlaskClient) -> None:
    answer = reader.post("/stream/frames", data=portrait(5), content_type="image/png")
    error = refused(answer, 400, "invalid_parameter")
    assert error["details"]["parameter"] == "captured_at"


def test_frames_that_are_no_use(reader: FlaskClient) -> None:
    old = refused(look(reader, portrait(5), captured_at=moment(5)), 422, "not_fresh")
    assert old["details"]["age_ms"] >= 5000
    refused(look(reader, portrait(5)[:-20]), 422, "image_corrupt")
    refused(look(reader, png_bomb(3000, 3000)), 413, "image_too_large")
    refused(look(reader, bytes(MAX_FRAME_BYTES + 1)), 413, "too_large")


def test_a_second_frame_of_a_stream_is_refused_and_another_stream_is_not(
    client: FlaskClient, services: Services
) -> None:
    turns = services.engine().recognizer.turns
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with turns.turn("others"):
            entered.set()
            leave.wait(30)

    at_once = services.settings.working_photos
    with ThreadPoolExecutor(at_once + 1) as pool:
        for _ in range(at_once):
            entered.clear()
            pool.submit(hold)
            assert entered.wait(30)
        soon = {"captured_at": moment(-1.9)}
        first = pool.submit(look, client, portrait(5), None, device_id="door-1", **soon)
        while not turns.waiting:
            assert not first.done(), first.result().text
        again = look(client, portrait(5), device_id="door-1")
        refused(again, 429, "rate_limited")
        assert again.headers["Retry-After"] == "1"
        leave.set()
        assert first.result(30).status_code == 200
    assert look(client, portrait(5), device_id="door-1").status_code == 200


def test_who_may(tmp_path: Path) -> None:
    services = make_services(with_keys(fake_settings(tmp_path)))
    services.start()
    app = create_app(services=services)
    contract, client = Contract(app), app.test_client()
    admin = make_key(services.database, Scope.ADMIN)
    doors = {}
    for name in ("door-1", "door-2"):
        made = client.post("/devices", json={"device_id": name, "name": name}, headers=sent(admin))
        doors[name] = body(made)["key"]
    identify, read = (make_key(services.database, one) for one in (Scope.IDENTIFY, Scope.READ))
    for key in (admin, identify, doors["door-1"]):
        assert look(client, portrait(5), key).status_code == 200
    assert look(client, portrait(5), doors["door-1"], device_id="door-1").status_code == 200
    refused(look(client, portrait(5), doors["door-2"], device_id="door-1"), 403, "forbidden")
    refused(look(client, portrait(5), identify, device_id="door-1"), 403, "forbidden")
    refused(look(client, portrait(5), read), 403, "forbidden")
    services.close()
    contract.check()
