"""Short ways to ask /api/v1, for tests."""

import base64
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api import create_app
from pipeline.services import Services
from tests.api.kit import post_form

ROOT = "/api/v1/recognition"
FACES, SUBJECTS, RECOGNIZE = f"{ROOT}/faces", f"{ROOT}/subjects", f"{ROOT}/recognize"
DETECT, VERIFY = "/api/v1/detection/detect", "/api/v1/verification/verify"


def post(client: FlaskClient, url: str, photo: bytes) -> TestResponse:
    return post_form(client, url, photo, "file")


def add(client: FlaskClient, subject: str, photo: bytes) -> str:
    """The image_id of a new example."""
    answer = post(client, f"{FACES}?subject={subject}", photo)
    assert answer.status_code == 201, answer.text
    shown = answer.get_json()
    assert list(shown) == ["image_id", "subject"]
    image_id: str = shown["image_id"]
    return image_id


def result(answer: TestResponse) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.get_json()["result"]


def names(answer: TestResponse) -> list[list[str]]:
    """Who is named for each face."""
    return [[one["subject"] for one in face["subjects"]] for face in result(answer)]


def refused(answer: TestResponse, status: int, code: int) -> str:
    """The words of a refusal in CompreFace's shape."""
    shown = answer.get_json()
    assert (answer.status_code, shown.get("code")) == (status, code), answer.text
    assert list(shown) == ["message", "code"]
    message: str = shown["message"]
    assert message
    return message


def two_photos(client: FlaskClient, source: bytes, target: bytes, query: str = "") -> TestResponse:
    given = {"source_image": source, "target_image": target}
    texts = {name: base64.b64encode(photo).decode() for name, photo in given.items()}
    return client.post(VERIFY + query, json=texts)


def app_of(services: Services) -> Flask:
    """The application on these services, held against its contract."""
    return create_app(services=services)
