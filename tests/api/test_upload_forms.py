"""The three forms of a photo in a request, and every way to get them wrong."""

import base64
import io
import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from api import bodies
from tests.api.kit import body, post_form, recognize, refused
from tests.fakes import portrait

URL = "/upload_photo"
PHOTO = portrait(5)
TEXT = base64.b64encode(PHOTO).decode()


def post_json(client: FlaskClient, value: Any) -> TestResponse:
    return client.post(URL, data=json.dumps(value), content_type="application/json")


@pytest.mark.parametrize("field", ["photo", "file", "image"])
def test_form(reader: FlaskClient, field: str) -> None:
    assert body(post_form(reader, URL, PHOTO, field))["user_id"] == "1042"


@pytest.mark.parametrize("kind", ["image/jpeg", "image/x-unheard-of", "application/octet-stream"])
def test_raw_body_is_typed_by_content(reader: FlaskClient, kind: str) -> None:
    assert body(reader.post(URL, data=PHOTO, content_type=kind))["user_id"] == "1042"


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_json(reader: FlaskClient, prefix: str) -> None:
    assert body(post_json(reader, {"photo": prefix + TEXT}))["user_id"] == "1042"


def test_options_in_every_form(reader: FlaskClient) -> None:
    form = {"photo": (io.BytesIO(PHOTO), "x"), "user_id": "1042", "faces": "all", "limit": "2"}
    answers = [
        reader.post(URL, data=form),
        post_json(reader, {"photo": TEXT, "user_id": "1042", "faces": "all", "limit": 2}),
        recognize(reader, PHOTO, "user_id=1042&faces=all&limit=2"),
    ]
    assert [len(body(answer)["faces"]) for answer in answers] == [1, 1, 1]


def test_the_file_name_is_not_looked_at(reader: FlaskClient) -> None:
    for name in ("../../etc/passwd", "x.php", "a" * 300, "\u202egpj.exe", 'x"; drop'):
        assert body(post_form(reader, URL, PHOTO, name=name))["user_id"] == "1042"


def test_missing_file(reader: FlaskClient) -> None:
    answers = [
        reader.post(URL),
        reader.post(URL, data={"picture": (io.BytesIO(PHOTO), "x.png")}),
        reader.post(URL, data={"photo": "text"}, content_type="multipart/form-data"),
        reader.post(URL, data={"photo": (io.BytesIO(b""), "")}, content_type="multipart/form-data"),
        post_json(reader, {}),
        post_json(reader, {"photo": None}),
    ]
    for answer in answers:
        refused(answer, 400, "missing_file")


def test_empty_file(reader: FlaskClient) -> None:
    answers = [
        post_form(reader, URL, b""),
        reader.post(URL, data=b"", content_type="image/jpeg"),
        post_json(reader, {"photo": ""}),
        post_json(reader, {"photo": "data:image/png;base64,"}),
    ]
    for answer in answers:
        refused(answer, 400, "empty_file")


@pytest.mark.parametrize(
    "text",
    ["/etc/passwd", "a", "http://example.org/x.jpg", TEXT + "\n", TEXT[:-1] + "!", "é", "a=b="],
)
def test_not_base64(reader: FlaskClient, text: str) -> None:
    refused(post_json(reader, {"photo": text}), 400, "invalid_parameter")


@pytest.mark.parametrize(
    "value",
    [
        {"photo": 5},
        {"photo": [TEXT]},
        {"photo": TEXT, "limit": True},
        {"photo": TEXT, "limit": 1.0},
        {"photo": TEXT, "user_id": 1042},
        {"photo": TEXT, "user_id": None},
        {"photo": TEXT, "limit": None},
        {"photo": TEXT, "faces": ["all"]},
        {"photo": TEXT, "url": "http://example.org"},
    ],
)
def test_json_values_are_strict(reader: FlaskClient, value: object) -> None:
    refused(post_json(reader, value), 400, "invalid_parameter")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'"photo"',
        b'{"photo": "a", "photo": "b"}',
        b'{"photo": NaN}',
        b'{"photo": ' + b"[" * 21 + b"]" * 21 + b"}",
        b"[" * 100_000,
        b'{"photo": "\xff"}',
        b"9" * 5000,
    ],
)
def test_bad_json(reader: FlaskClient, data: bytes) -> None:
    answer = reader.post(URL, data=data, content_type="application/json")
    refused(answer, 400, "bad_json")


@pytest.mark.parametrize("part", [b"[]", b"{}", b"1"])
@pytest.mark.parametrize("name", [b"photo", b"other"])
def test_a_large_body_of_small_values_is_not_parsed(
    reader: FlaskClient, monkeypatch: pytest.MonkeyPatch, part: bytes, name: bytes
) -> None:
    def parse(data: bytes) -> dict[str, object]:
        raise AssertionError("it fills the memory")

    monkeypatch.setattr(bodies, "parse_json_object", parse)
    data = b'{"%s":[%s]}' % (name, b",".join([part] * 200_000))
    answer = reader.post(URL, data=data, content_type="application/json")
    refused(answer, 400, "bad_json")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "a/b/c"])
def test_unsupported_media_type(reader: FlaskClient, kind: str) -> None:
    answer = reader.post(URL, data=PHOTO, headers={"Content-Type": kind})
    refused(answer, 415, "unsupported_media_type")


def test_options_given_twice(reader: FlaskClient) -> None:
    form = MultiDict([("limit", "1"), ("limit", "1"), ("photo", (io.BytesIO(PHOTO), "x"))])
    refused(reader.post(URL, data=form), 400, "invalid_parameter")
    both = {"limit": "1", "photo": (io.BytesIO(PHOTO), "x")}
    refused(reader.post(f"{URL}?limit=1", data=both), 400, "invalid_parameter")


def test_two_files(reader: FlaskClient) -> None:
    both = {"photo": (io.BytesIO(PHOTO), "x"), "image": (io.BytesIO(PHOTO), "y")}
    refused(reader.post(URL, data=both), 400, "invalid_parameter")


@pytest.mark.parametrize(
    "data",
    [
        b"no form at all",
        b"--edge\r\nContent-Disposition: form-data; name=photo; filename=x\r\n\r\ncut",
        b"--edge\r\nno header\r\n",
        b"",
    ],
)
@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=edge", "multipart/form-data"])
def test_broken_form(reader: FlaskClient, data: bytes, kind: str) -> None:
    answer = reader.post(URL, data=data, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert body(answer)["error"]["code"] in ("invalid_parameter", "missing_file")


def test_too_many_parts_and_too_long_fields(reader: FlaskClient) -> None:
    many = MultiDict([(f"f{number}", "x") for number in range(11)])
    answer = reader.post(URL, data=many, content_type="multipart/form-data")
    refused(answer, 413, "too_large")
    long = {"user_id": "x" * 300_000}
    answer = reader.post(URL, data=long, content_type="multipart/form-data")
    refused(answer, 413, "too_large")


def test_too_large(reader: FlaskClient) -> None:
    fits, over = bytes(1_000_000), bytes(1_000_001)
    text = base64.b64encode(over).decode()
    for answer in (
        recognize(reader, over),
        post_form(reader, URL, over),
        post_json(reader, {"photo": text}),
        post_form(reader, URL, bytes(2_000_000)),
        recognize(reader, bytes(2_000_000)),
        post_json(reader, {"photo": base64.b64encode(bytes(2_000_000)).decode()}),
        reader.post("/users", data=bytes(200_000), content_type="application/json"),
    ):
        refused(answer, 413, "too_large")
    for answer in (
        recognize(reader, fits),
        post_form(reader, URL, fits),
        post_json(reader, {"photo": base64.b64encode(fits).decode()}),
    ):
        refused(answer, 415, "unsupported_image")
