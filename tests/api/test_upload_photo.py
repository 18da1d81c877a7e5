"""POST /upload_photo: identification, verification, all faces, candidates."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from api import create_app
from pipeline.decision import Rule
from pipeline.services import Services
from tests.api.kit import body, enroll, recognize, refused
from tests.fakes import (
    BUG,
    NOT_A_NUMBER,
    FakeNetworks,
    color_of,
    fake_settings,
    group,
    make_services,
    nobody,
    portrait,
    vector_of,
)


def test_match(client: FlaskClient) -> None:
    photo = enroll(client, "1042", portrait(5))
    found = body(recognize(client, portrait(5, shade=7)))
    assert found["decision"] == "match"
    assert found["recognized"] is True
    assert (found["user_id"], found["face_id"]) == ("1042", photo["face_id"])
    assert found["profile"]["user_id"] == "1042"
    assert 0.9 < found["similarity_score"] < 1
    assert found["candidates"] == [
        {
            "user_id": "1042",
            "face_id": photo["face_id"],
            "similarity_score": found["similarity_score"],
        }
    ]


def test_stranger(client: FlaskClient) -> None:
    enroll(client, "1042", portrait(5))
    found = body(recognize(client, portrait(77)))
    assert (found["decision"], found["recognized"]) == ("no_match", False)
    assert [found[name] for name in ("user_id", "face_id", "profile")] == [None] * 3
    assert found["candidates"] == []
    assert found["similarity_score"] < found["threshold"] == 0.6


def test_empty_gallery(client: FlaskClient) -> None:
    found = body(recognize(client, portrait(5)))
    assert (found["decision"], found["similarity_score"]) == ("no_match", None)


def test_two_people_too_close_are_ambiguous(client: FlaskClient) -> None:
    enroll(client, "a", portrait(5, shade=1))
    enroll(client, "b", portrait(5, shade=2))
    found = body(recognize(client, portrait(5, shade=9)))
    assert (found["decision"], found["recognized"]) == ("ambiguous", False)
    assert [found[name] for name in ("user_id", "face_id", "profile")] == [None] * 3
    assert {candidate["user_id"] for candidate in found["candidates"]} == {"a", "b"}


def test_the_second_person_is_shown_where_the_margin_ends(
    client: FlaskClient, services: Services
) -> None:
    enroll(client, "a", portrait(5, shade=1))
    enroll(client, "b", portrait(5, shade=2))
    found = services.engine().gallery.search(vector_of(color_of(5, shade=9)), 2)
    best, second = (candidate.similarity for candidate in found)
    rounded = Rule(threshold=best, margin=best - second - 5e-7)
    services.engine().recognizer.rule = rounded
    said = body(recognize(client, portrait(5, shade=9)))
    assert (said["decision"], len(said["candidates"])) == ("ambiguous", 2)


def test_verification(client: FlaskClient) -> None:
    enroll(client, "1042", portrait(5))
    enroll(client, "7", portrait(77))
    assert body(recognize(client, portrait(5), "user_id=1042"))["decision"] == "match"
    other = body(recognize(client, portrait(77), "user_id=1042"))
    assert (other["decision"], other["user_id"]) == ("no_match", None)
    refused(recognize(client, portrait(5), "user_id=nobody"), 404, "not_found")
    refused(recognize(client, portrait(5), "user_id=.."), 400, "invalid_name")


def test_all_faces(client: FlaskClient) -> None:
    enroll(client, "1042", portrait(5))
    photo = group([77, 5, 6], [60, 50, 30])
    found = body(recognize(client, photo, "faces=all"))
    assert [face["decision"] for face in found["faces"]] == ["no_match", "match"]
    assert [face["user_id"] for face in found["faces"]] == [None, "1042"]
    assert [face["face"]["box"]["width"] for face in found["faces"]] == [60, 50]
    assert [unused["reason"] for unused in found["unused_faces"]] == ["face_too_small"]
    assert {"request_id", "model", "threshold", "timings_ms"} <= set(found)
    assert "decision" not in found


def test_largest_face_by_default(client: FlaskClient) -> None:
    enroll(client, "1042", portrait(5))
    found = body(recognize(client, group([77, 5, 6], [60, 50, 30])))
    assert found["decision"] == "no_match"
    assert [unused["reason"] for unused in found["unused_faces"]] == [
        "not_largest",
        "face_too_small",
    ]
    assert found["unused_faces"][0]["box"] == {"x": 100, "y": 0, "width": 50, "height": 160}


@pytest.mark.parametrize(("limit", "shown"), [(1, 1), (2, 2), (10, 3)])
def test_limit(tmp_path: Path, limit: int, shown: int) -> None:
    services = make_services(fake_settings(tmp_path, margin=0.0))
    services.start()
    client = create_app(services=services).test_client()
    for number in range(3):
        enroll(client, f"twin {number}", portrait(5, shade=number))
    found = body(recognize(client, portrait(5, shade=9), f"limit={limit}"))
    assert len(found["candidates"]) == shown
    scores = [candidate["similarity_score"] for candidate in found["candidates"]]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == found["similarity_score"]
    services.close()


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=11",
        "limit=1.0",
        "limit=%2B1",
        "limit=",
        "limit=١",
        "limit=1&limit=2",
        "faces=both",
        "faces=all&faces=all",
        "treshold=0.1",
        "debug=true",
    ],
)
def test_options_are_strict(reader: FlaskClient, query: str) -> None:
    refused(recognize(reader, portrait(5), query), 400, "invalid_parameter")


@pytest.mark.parametrize(
    ("photo", "status", "code"),
    [
        (nobody(), 422, "no_face"),
        (group([3], [30]), 422, "face_too_small"),
        (portrait(5)[:-40], 422, "image_corrupt"),
        (b"\x89PNG\r\n\x1a\n", 422, "image_corrupt"),
        (b"these are no pixels", 415, "unsupported_image"),
        (portrait(NOT_A_NUMBER), 500, "model_error"),
        (portrait(BUG), 500, "internal"),
    ],
)
def test_photos_that_cannot_be_used(
    reader: FlaskClient, photo: bytes, status: int, code: str
) -> None:
    error = refused(recognize(reader, photo), status, code)
    assert "secret" not in str(error)


def test_too_many_pixels(tmp_path: Path) -> None:
    services = make_services(fake_settings(tmp_path, max_image_mp=1))
    services.start()
    client = create_app(services=services).test_client()
    refused(recognize(client, portrait(5, size=(1001, 1000))), 413, "image_too_large")
    services.close()


def test_not_ready(cold_client: FlaskClient) -> None:
    response = recognize(cold_client, portrait(5))
    refused(response, 503, "not_ready")
    assert int(response.headers["Retry-After"]) >= 1


def test_missing_weights(tmp_path: Path) -> None:
    services = make_services(fake_settings(tmp_path), FakeNetworks(missing=True))
    services.start_in_background()
    client = create_app(services=services).test_client()
    while recognize(client, portrait(5)).get_json()["error"]["code"] == "not_ready":
        pass
    refused(recognize(client, portrait(5)), 503, "model_unavailable")
    services.close()


def test_probes_are_not_stored(client: FlaskClient, tmp_path: Path) -> None:
    def files() -> set[Path]:
        return {path for path in tmp_path.rglob("*") if path.suffix in (".png", ".csv")}

    enroll(client, "1042", portrait(5))
    before = files()
    assert len(before) == 1
    recognize(client, portrait(5, shade=3))
    assert files() == before
