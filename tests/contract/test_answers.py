"""The JSON that integrators build on: every field, its order and its type."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from api import create_app
from tests.api.kit import body, enroll, post_form, recognize
from tests.fakes import fake_settings, group, make_services, portrait

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ANSWER = [
    "decision",
    "recognized",
    "user_id",
    "face_id",
    "similarity_score",
    "threshold",
    "calibration",
    "profile",
    "candidates",
    "face",
]
AROUND = ["unused_faces", "model", "timings_ms"]
PROFILE = ["user_id", "name", "email", "attributes", "face_id", "created_at", "updated_at"]
PHOTO = [
    "id",
    "path",
    "user_id",
    "status",
    "code",
    "message",
    "face_id",
    "present",
    "created_at",
    "updated_at",
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    services = make_services(fake_settings(tmp_path_factory.mktemp("contract")))
    services.start()
    client = create_app(services=services).test_client()
    enroll(client, "1042", portrait(5))
    yield client
    services.close()


def check_answer(answer: dict[str, Any]) -> None:
    assert list(answer["face"]) == ["box", "confidence", "landmarks", "quality"]
    assert list(answer["face"]["box"]) == ["x", "y", "width", "height"]
    assert {type(value) for value in answer["face"]["box"].values()} == {int}
    marks = answer["face"]["landmarks"]
    assert list(marks) == ["left_eye", "right_eye", "nose", "mouth_left", "mouth_right"]
    assert {type(value) for point in marks.values() for value in point} == {int}
    assert {len(point) for point in marks.values()} == {2}
    score = answer["similarity_score"]
    assert score == round(score, 4)
    for candidate in answer["candidates"]:
        assert list(candidate) == ["user_id", "face_id", "similarity_score"]


def test_recognition(client: FlaskClient) -> None:
    found = body(recognize(client, group([5, 9, 9], [60, 50, 30])))
    assert list(found) == ["request_id", *ANSWER, *AROUND]
    check_answer(found)
    assert list(found["profile"]) == PROFILE
    assert TIME.fullmatch(found["profile"]["created_at"])
    assert found["unused_faces"] == [
        {"box": {"x": 100, "y": 0, "width": 50, "height": 160}, "reason": "not_largest"},
        {"box": {"x": 170, "y": 0, "width": 30, "height": 160}, "reason": "face_too_small"},
    ]
    assert found["model"] == {
        "embedder": "colors",
        "detector": "stripes",
        "dimensions": 64,
        "similarity": "cosine",
    }
    assert list(found["timings_ms"]) == [
        "wait",
        "decode",
        "detect",
        "quality",
        "embed",
        "search",
        "total",
    ]


def test_all_faces(client: FlaskClient) -> None:
    found = body(recognize(client, group([5, 9], [60, 50]), "faces=all"))
    assert list(found) == ["request_id", "threshold", "calibration", "faces", *AROUND]
    for answer in found["faces"]:
        assert list(answer) == ANSWER
        check_answer(answer)


def test_no_match(client: FlaskClient) -> None:
    found = body(recognize(client, portrait(9)))
    assert list(found) == ["request_id", *ANSWER, *AROUND]
    check_answer(found)


def test_people_and_photos(client: FlaskClient) -> None:
    assert list(body(client.get("/users/1042"))) == ["request_id", *PROFILE]
    users = body(client.get("/users"))
    assert list(users) == ["request_id", "users", "next_cursor"]
    assert list(users["users"][0]) == PROFILE
    photos = body(client.get("/users/1042/photos"))
    assert list(photos) == ["request_id", "photos", "next_cursor"]
    assert list(photos["photos"][0]) == PHOTO
    again = body(post_form(client, "/users/1042/photos", portrait(5)))
    assert list(again) == ["request_id", *PHOTO, "duplicate", "warnings"]
    ledger = body(client.get("/photos"))
    assert list(ledger) == ["request_id", "counts", "photos", "next_cursor"]
    assert ledger["counts"] == {
        "seen": 1,
        "pending": 0,
        "enrolled": 1,
        "rejected": 0,
        "conflict": 0,
    }


def test_no_server_path_and_no_vector_in_any_answer(client: FlaskClient) -> None:
    folder = str(Path(__file__).parents[2])
    for answer in (
        recognize(client, portrait(5)),
        client.get("/users/1042"),
        client.get("/photos"),
        client.get("/readyz"),
        recognize(client, b"nonsense"),
    ):
        assert "/tmp" not in answer.text
        assert folder not in answer.text
        assert "embedding" not in answer.text
