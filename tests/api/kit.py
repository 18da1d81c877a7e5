"""Short ways to ask the API, for tests."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

Json = dict[str, Any]


def recognize(client: FlaskClient, photo: bytes, query: str = "") -> TestResponse:
    """POST /upload_photo with a raw body."""
    url = f"/upload_photo?{query}" if query else "/upload_photo"
    return client.post(url, data=photo, content_type="image/png")


def post_form(
    client: FlaskClient, url: str, photo: bytes, field: str = "photo", name: str = "x.png"
) -> TestResponse:
    # Not the client's own encoder, which leaves a large form in a temporary file.
    name = name.replace("\\", "\\\\").replace('"', '\\"')
    head = f'--edge\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
    data = head.encode() + photo + b"\r\n--edge--\r\n"
    return client.post(url, data=data, content_type="multipart/form-data; boundary=edge")


def enroll(client: FlaskClient, user_id: str, photo: bytes) -> Json:
    """Enroll by API; the photo's JSON."""
    url = f"/users/{quote(user_id, safe='')}/photos"
    response = client.post(url, data=photo, content_type="image/png")
    assert response.status_code == 201, response.text
    return body(response)


def body(response: TestResponse) -> Json:
    """An answer's JSON object, after what holds for every answer."""
    value = response.get_json()
    assert isinstance(value, dict)
    assert value["request_id"] == response.headers["X-Request-ID"]
    assert response.headers["Cache-Control"] == "no-store"
    return value


def refused(response: TestResponse, status: int, code: str) -> Mapping[str, Any]:
    """The error of a refusal in the one shape all errors have."""
    value = body(response)
    assert (response.status_code, value["error"]["code"]) == (status, code), value
    assert set(value["error"]) == {"code", "message", "details"}
    assert value["error"]["message"]
    assert isinstance(value["error"]["details"], dict)
    error: Mapping[str, Any] = value["error"]
    return error
