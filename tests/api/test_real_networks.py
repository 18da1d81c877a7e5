"""The whole way with real networks: enroll a real face, find her again, refuse a stranger."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image, ImageEnhance
from skimage import data

from api import create_app
from core.settings import Settings
from pipeline.services import Services
from tests.api.kit import body, enroll, recognize, refused


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, prepared_models: Path
) -> Iterator[FlaskClient]:
    folder = tmp_path_factory.mktemp("real")
    settings = Settings(
        data_dir=folder / "var",
        photo_dir=folder / "photo_storage",
        model_dir=prepared_models,
        embedder="dlib",
    )
    services = Services.build(settings)
    runner = create_app(services=services).test_cli_runner()
    for command in (["db", "upgrade"], ["models", "prepare"]):
        assert runner.invoke(args=command).exit_code == 0
    services.start()
    yield create_app(services=services).test_client()
    services.close()


@pytest.fixture(scope="module")
def astronaut() -> Image.Image:
    return Image.fromarray(np.asarray(data.astronaut()))


def encoded(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=90)
    return stream.getvalue()


def test_enroll_then_recognize_then_delete(client: FlaskClient, astronaut: Image.Image) -> None:
    enroll(client, "eileen", encoded(astronaut))
    changed = astronaut.rotate(7).crop((100, 0, 360, 260))
    found = body(recognize(client, encoded(ImageEnhance.Brightness(changed).enhance(0.6))))
    assert (found["decision"], found["user_id"]) == ("match", "eileen")
    assert found["similarity_score"] > found["threshold"]
    box, nose = found["face"]["box"], found["face"]["landmarks"]["nose"]
    assert box["x"] < nose[0] < box["x"] + box["width"]
    assert box["y"] < nose[1] < box["y"] + box["height"]
    assert client.delete("/users/eileen").status_code == 204
    assert body(recognize(client, encoded(astronaut)))["decision"] == "no_match"


def test_no_face(client: FlaskClient) -> None:
    coffee = Image.fromarray(np.asarray(data.coffee()))
    refused(recognize(client, encoded(coffee)), 422, "no_face")
