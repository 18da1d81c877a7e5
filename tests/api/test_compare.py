"""POST /compare and /detect: two photos, or the faces of one."""

import base64
from typing import NoReturn

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from pipeline.services import Services
from pipeline.turns import Crowded
from tests.api.kit import body, refused
from tests.fakes import BLURRED, NOT_A_NUMBER, group, nobody, portrait


def form(client: FlaskClient, *parts: tuple[str, bytes], url: str = "/compare") -> TestResponse:
    data = b"".join(
        f'--edge\r\nContent-Disposition: form-data; name="{name}"; filename="x"\r\n\r\n'.encode()
        + photo
        + b"\r\n"
        for name, photo in parts
    )
    content_type = "multipart/form-data; boundary=edge"
    return client.post(url, data=data + b"--edge--\r\n", content_type=content_type)


def both(client: FlaskClient, photo: bytes, reference: bytes) -> TestResponse:
    return form(client, ("photo", photo), ("reference", reference))


def text(photo: bytes) -> str:
    return base64.b64encode(photo).decode()


def test_one_person(reader: FlaskClient) -> None:
    found = body(both(reader, portrait(5), portrait(5, shade=6)))
    assert (found["decision"], found["threshold"]) == ("match", 0.6)
    assert 0.9 < found["similarity_score"] < 1
    assert found["photo"]["face"]["quality"]["issues"] == []
    assert list(found["timings_ms"]) == ["wait", "photo", "reference", "total"]


def test_two_people(reader: FlaskClient) -> None:
    found = body(both(reader, portrait(BLURRED), group([77, 9], [70, 50])))
    assert found["decision"] == "no_match"
    assert found["similarity_score"] < 0.6
    assert [issue["code"] for issue in found["photo"]["face"]["quality"]["issues"]] == ["blurred"]
    assert found["reference"]["unused_faces"][0]["reason"] == "not_largest"


def test_a_photo_with_itself(reader: FlaskClient) -> None:
    assert body(both(reader, portrait(5), portrait(5)))["similarity_score"] == 1.0


def test_in_json(reader: FlaskClient) -> None:
    sent = {"photo": text(portrait(5)), "reference": f"data:image/png;base64,{text(portrait(77))}"}
    assert body(reader.post("/compare", json=sent))["decision"] == "no_match"


@pytest.mark.parametrize(
    ("photo", "status", "code"),
    [
        (nobody(), 422, "no_face"),
        (group([3], [30]), 422, "face_too_small"),
        (portrait(9)[:-30], 422, "image_corrupt"),
        (b"GIF99a", 415, "unsupported_image"),
        (b"", 400, "empty_file"),
        (portrait(NOT_A_NUMBER), 500, "model_error"),
        (bytes(1_000_001), 413, "too_large"),
    ],
)
def test_errors_say_which_photo(reader: FlaskClient, photo: bytes, status: int, code: str) -> None:
    error = refused(both(reader, photo, portrait(5)), status, code)
    assert error["details"]["photo"] == "photo"
    error = refused(both(reader, portrait(5), photo), status, code)
    assert error["details"]["photo"] == "reference"


def test_both_may_be_as_large_as_one(reader: FlaskClient) -> None:
    """The limit of a request leaves room for two photos."""
    large = portrait(5) + bytes(999_000 - len(portrait(5)))
    for response in (
        both(reader, large, large),
        reader.post("/compare", json={"photo": text(large), "reference": text(large)}),
    ):
        assert response.get_json().get("decision") == "match" or response.status_code == 422
        assert response.status_code != 413


def test_what_is_missing_is_named(reader: FlaskClient) -> None:
    error = refused(form(reader, ("photo", portrait(5))), 400, "missing_file")
    assert error["details"]["photo"] == "reference"
    error = refused(reader.post("/compare", json={"reference": "AAAA"}), 400, "missing_file")
    assert error["details"]["photo"] == "photo"


@pytest.mark.parametrize(
    "parts",
    [
        ("photo", "photo", "reference"),
        ("photo", "reference", "reference"),
        ("photo", "reference", "other"),
        ("image", "reference"),
    ],
)
def test_other_files_are_refused(reader: FlaskClient, parts: tuple[str, ...]) -> None:
    sent = [(name, portrait(5)) for name in parts]
    refused(form(reader, *sent), 400, "invalid_parameter")


def test_two_files_of_one_name(reader: FlaskClient) -> None:
    sent = [("photo", portrait(5)), ("photo", portrait(5))]
    refused(form(reader, *sent), 400, "missing_file")


def test_bodies_that_cannot_be_read(reader: FlaskClient) -> None:
    png = reader.post("/compare", data=portrait(5), content_type="image/png")
    refused(png, 415, "unsupported_media_type")
    refused(both_with_query(reader, "threshold=0"), 400, "invalid_parameter")
    for wrong in ("***", 5, None, ["AAAA"]):
        sent = {"photo": wrong, "reference": text(portrait(5))}
        error = refused(reader.post("/compare", json=sent), 400, "invalid_parameter")
        assert error["details"] == {"parameter": "photo", "photo": "photo"}
    sent = {"photo": "AAAA", "reference": "AAAA", "threshold": "0"}
    refused(reader.post("/compare", json=sent), 400, "invalid_parameter")


def both_with_query(client: FlaskClient, query: str) -> TestResponse:
    parts = ("photo", portrait(5)), ("reference", portrait(5))
    return form(client, *parts, url=f"/compare?{query}")


def post(client: FlaskClient, url: str, photo: bytes) -> TestResponse:
    return client.post(url, data=photo, content_type="image/png")


def test_detect(reader: FlaskClient) -> None:
    found = body(post(reader, "/detect", group([5, BLURRED, 6], [60, 70, 30])))
    assert [face["box"]["width"] for face in found["faces"]] == [70, 60]
    codes = [[issue["code"] for issue in face["quality"]["issues"]] for face in found["faces"]]
    assert codes == [["blurred"], ["face_too_small"]]
    assert [face["reason"] for face in found["unused_faces"]] == ["face_too_small"]
    assert found["detector"] == "stripes"
    assert list(found["timings_ms"]) == ["wait", "decode", "detect", "quality", "total"]


def test_detect_nobody_is_no_error(reader: FlaskClient) -> None:
    found = body(post(reader, "/detect", nobody()))
    assert (found["faces"], found["unused_faces"]) == ([], [])


def test_detect_takes_no_options(reader: FlaskClient) -> None:
    refused(post(reader, "/detect?faces=all", portrait(5)), 400, "invalid_parameter")


def test_nothing_of_it_is_stored(client: FlaskClient, services: Services) -> None:
    both(client, portrait(5), portrait(6))
    post(client, "/detect", portrait(5))
    post(client, "/embeddings", portrait(5))
    assert body(client.get("/photos"))["counts"]["seen"] == 0
    assert body(client.get("/users"))["users"] == []


def test_they_wait_their_turn(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no turn is to be had, each is busy and says when to return."""
    asked: list[str] = []

    def crowded(caller: str = "") -> NoReturn:
        asked.append(caller)
        raise Crowded(7)

    monkeypatch.setattr(services.engine().recognizer.turns, "turn", crowded)
    for response in (
        both(client, portrait(5), portrait(5)),
        post(client, "/detect", portrait(5)),
        post(client, "/embeddings", portrait(5)),
        post(client, "/upload_photo", portrait(5)),
        post(client, "/users/x/photos", portrait(5)),
        client.get("/reports/duplicates"),
    ):
        assert refused(response, 503, "busy")["details"] == {}
        assert response.headers["Retry-After"] == "7"
    assert asked == ["local"] * 6
