"""/users/{user_id}/photos and /photos: enrollment by API, and the ledger."""

from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from pipeline.services import Services
from tests.api.kit import body, enroll, post_form, recognize, refused
from tests.fakes import NOT_A_NUMBER, group, nobody, portrait

URL = "/users/1042/photos"


def test_enroll(client: FlaskClient, tmp_path: Path) -> None:
    made = post_form(client, URL, portrait(5))
    assert made.status_code == 201
    photo = body(made)
    assert made.headers["Location"] == f"{URL}/{photo['id']}"
    assert (photo["status"], photo["duplicate"], photo["user_id"]) == ("enrolled", False, "1042")
    assert photo["path"].startswith("1042/")
    assert (tmp_path / "photo_storage" / photo["path"]).read_bytes() == portrait(5)
    read = body(client.get(made.headers["Location"]))
    assert (read["id"], read["face_id"]) == (photo["id"], photo["face_id"])
    assert body(client.get("/users/1042"))["face_id"] == photo["face_id"]


def test_the_same_bytes_again(client: FlaskClient) -> None:
    first = enroll(client, "1042", portrait(5))
    again = post_form(client, URL, portrait(5))
    assert again.status_code == 200
    assert body(again)["duplicate"] is True
    assert (body(again)["id"], body(again)["face_id"]) == (first["id"], first["face_id"])
    assert len(body(client.get(URL))["photos"]) == 1


def test_somebody_else_is_a_conflict(client: FlaskClient) -> None:
    enroll(client, "1042", portrait(5))
    error = refused(post_form(client, URL, portrait(77)), 409, "face_conflict")
    assert error["details"]["threshold"] == 0.6
    assert body(recognize(client, portrait(77)))["decision"] == "no_match"
    assert body(recognize(client, portrait(5)))["user_id"] == "1042"
    counts = body(client.get("/photos?status=conflict"))["counts"]
    assert counts == {"seen": 2, "enrolled": 1, "rejected": 0, "conflict": 1, "pending": 0}


def test_one_photo_under_two_ids_is_a_conflict(client: FlaskClient) -> None:
    enroll(client, "1042", portrait(5))
    refused(post_form(client, "/users/7/photos", portrait(5)), 409, "face_conflict")
    refused(client.get("/users/7"), 404, "not_found")


def test_letter_case_is_a_conflict(client: FlaskClient) -> None:
    enroll(client, "ann", portrait(5))
    refused(post_form(client, "/users/ANN/photos", portrait(77)), 409, "conflict")


@pytest.mark.parametrize(
    ("photo", "status", "code"),
    [
        (nobody(), 422, "no_face"),
        (group([3, 4], [60, 60]), 422, "multiple_faces"),
        (group([3], [30]), 422, "face_too_small"),
        (portrait(9)[:-30], 422, "image_corrupt"),
        (b"GIF99a", 415, "unsupported_image"),
        (b"", 400, "empty_file"),
        (portrait(NOT_A_NUMBER), 500, "model_error"),
    ],
)
def test_refused_photos_leave_nothing(
    reader: FlaskClient, photo: bytes, status: int, code: str
) -> None:
    before = body(reader.get("/photos"))["counts"]
    refused(post_form(reader, "/users/new/photos", photo), status, code)
    assert body(reader.get("/photos"))["counts"] == before
    refused(reader.get("/users/new"), 404, "not_found")


def test_a_folder_that_is_none(client: FlaskClient, tmp_path: Path) -> None:
    drop = tmp_path / "photo_storage"
    (drop / "1042").write_text("a file where the person's folder should be")
    (drop / "7").symlink_to(tmp_path / "var")
    for user_id in ("1042", "7"):
        refused(post_form(client, f"/users/{user_id}/photos", portrait(5)), 503, "not_ready")
        refused(client.get(f"/users/{user_id}"), 404, "not_found")


def test_an_id_too_long_for_a_folder(client: FlaskClient, tmp_path: Path) -> None:
    url = f"/users/{quote(chr(0x20000) * 64)}/photos"
    refused(post_form(client, url, portrait(5)), 400, "invalid_name")


def test_options_are_refused(reader: FlaskClient) -> None:
    refused(post_form(reader, f"{URL}?limit=1", portrait(5)), 400, "invalid_parameter")


def test_enrolling_needs_networks_and_reading_does_not(cold_client: FlaskClient) -> None:
    refused(post_form(cold_client, URL, portrait(5)), 503, "not_ready")
    assert body(cold_client.get("/users"))["users"] == []
    assert body(cold_client.get("/photos"))["counts"]["seen"] == 0


def test_delete_one(client: FlaskClient, tmp_path: Path) -> None:
    first = enroll(client, "1042", portrait(5))
    second = enroll(client, "1042", portrait(5, shade=6))
    assert client.delete(f"{URL}/{first['id']}").status_code == 204
    refused(client.get(f"{URL}/{first['id']}"), 404, "not_found")
    refused(client.delete(f"{URL}/{first['id']}"), 404, "not_found")
    assert not (tmp_path / "photo_storage" / first["path"]).exists()
    assert body(recognize(client, portrait(5)))["face_id"] == second["face_id"]
    client.delete(f"{URL}/{second['id']}")
    assert body(client.get("/users/1042"))["face_id"] is None
    assert body(recognize(client, portrait(5)))["decision"] == "no_match"


def test_a_photo_is_only_its_owners(client: FlaskClient) -> None:
    photo = enroll(client, "1042", portrait(5))
    enroll(client, "7", portrait(77))
    for answer in (
        client.get(f"/users/7/photos/{photo['id']}"),
        client.delete(f"/users/7/photos/{photo['id']}"),
    ):
        refused(answer, 404, "not_found")
    assert body(recognize(client, portrait(5)))["user_id"] == "1042"


@pytest.mark.parametrize("number", ["0", "99", "-1", "x", "9" * 19, "9" * 40, "1.0"])
def test_no_such_photo(reader: FlaskClient, number: str) -> None:
    refused(reader.get(f"{URL}/{number}"), 404, "not_found")
    refused(reader.delete(f"{URL}/{number}"), 404, "not_found")


def test_ledger(client: FlaskClient, services: Services, tmp_path: Path) -> None:
    drop = tmp_path / "photo_storage"
    (drop / "1.png").write_bytes(portrait(5))
    (drop / "2.png").write_bytes(nobody())
    (drop / "..png").write_bytes(portrait(5))
    (drop / "=cmd().png").write_bytes(portrait(5))
    for command in (["photos", "scan"],):
        client.application.test_cli_runner().invoke(args=command)
    found = body(client.get("/photos"))
    assert found["counts"] == {
        "seen": 3,
        "enrolled": 1,
        "rejected": 2,
        "conflict": 0,
        "pending": 0,
    }
    by_path = {photo["path"]: photo for photo in found["photos"]}
    assert by_path["2.png"]["code"] == "no_face"
    assert by_path["=cmd().png"]["code"] == "invalid_name"
    rejected = body(client.get("/photos?status=rejected&limit=1"))
    assert [photo["status"] for photo in rejected["photos"]] == ["rejected"]
    cursor = rejected["next_cursor"]
    rest = body(client.get(f"/photos?status=rejected&limit=1&cursor={cursor}"))
    assert rest["next_cursor"] is None
    assert rest["photos"][0]["id"] > rejected["photos"][0]["id"]
    assert [p["path"] for p in body(client.get("/photos?user_id=1"))["photos"]] == ["1.png"]


@pytest.mark.parametrize("query", ["status=unchanged", "status=", "status=x", "code=no_face"])
def test_ledger_options_are_strict(reader: FlaskClient, query: str) -> None:
    refused(reader.get(f"/photos?{query}"), 400, "invalid_parameter")
