"""/api/v1: whoever is refused is told so in CompreFace's shape."""

import base64
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from core.access import Scope
from pipeline.services import Services
from tests.api.compreface_kit import (
    DETECT,
    FACES,
    RECOGNIZE,
    ROOT,
    SUBJECTS,
    VERIFY,
    app_of,
    post,
    refused,
)
from tests.api.contract_kit import Contract
from tests.api.keys_kit import audited, make_key, sent, with_keys
from tests.api.kit import post_form
from tests.fakes import (
    BUG,
    NOT_A_NUMBER,
    fake_settings,
    group,
    make_services,
    nobody,
    portrait,
)


@pytest.mark.parametrize(
    "query",
    [
        *("limit=-1", "limit=x", "limit=1.5", "prediction_count=0", "prediction_count=-2"),
        *("det_prob_threshold=1.1", "det_prob_threshold=nan", "det_prob_threshold=-1"),
        *("face_plugins=mood", "status=maybe", "detect_faces=false"),
    ],
)
def test_wrong_options(client: FlaskClient, query: str) -> None:
    words = refused(post(client, f"{RECOGNIZE}?{query}", portrait(5)), 400, 26)
    assert query.split("=", maxsplit=1)[0] in words


@pytest.mark.parametrize(
    ("photo", "status", "code"),
    [
        (nobody(), 400, 28),
        (group([3], [30]), 400, 28),
        (portrait(9)[:-30], 400, 21),
        (b"GIF99a", 400, 21),
        (b"", 400, 5),
        (portrait(NOT_A_NUMBER), 500, 41),
        (portrait(BUG), 500, 0),
    ],
)
def test_unusable_photos(client: FlaskClient, photo: bytes, status: int, code: int) -> None:
    words = refused(post(client, RECOGNIZE, photo), status, code)
    assert "/secret" not in words
    refused(post(client, f"{FACES}?subject=new", photo), status, code)
    assert client.get(SUBJECTS).get_json() == {"subjects": []}


def test_the_words_that_clients_compare_with(client: FlaskClient) -> None:
    words = refused(post(client, DETECT, nobody()), 400, 28)
    assert words == "No face is found in the given image"
    words = refused(post(client, f"{FACES}?subject=a", group([3, 4], [60, 60])), 400, 31)
    assert words == "More than one face in the source image"


def test_wrong_bodies(client: FlaskClient) -> None:
    refused(post_form(client, RECOGNIZE, portrait(5), "photo"), 400, 34)
    refused(client.post(RECOGNIZE, json={"photo": "x"}), 400, 34)
    refused(client.post(RECOGNIZE, json={"file": "no base64!"}), 400, 26)
    refused(client.post(RECOGNIZE, json={"file": 5}), 400, 26)
    refused(client.post(RECOGNIZE, data="{", content_type="application/json"), 400, 0)
    refused(client.post(RECOGNIZE, data="x", content_type="text/plain"), 415, 0)
    broken = {"data": b"--x\r\n", "content_type": "multipart/form-data; boundary=x"}
    assert client.post(RECOGNIZE, **broken).status_code == 400


def test_too_large(tmp_path: Path) -> None:
    services = make_services(fake_settings(tmp_path, max_upload_mb=1))
    services.start()
    client = app_of(services).test_client()
    for size in (1_000_001, 5_000_000):
        refused(post(client, RECOGNIZE, b"\xff" * size), 413, 0)
        text = base64.b64encode(b"\xff" * size).decode()
        refused(client.post(RECOGNIZE, json={"file": text}), 413, 0)
    services.close()


def test_addresses_that_are_none(client: FlaskClient) -> None:
    refused(client.get("/api/v1/nothing"), 404, 0)
    refused(client.get("/api/v1/static/key/images/x"), 404, 0)
    answer = client.get(RECOGNIZE)
    refused(answer, 405, 0)
    assert "POST" in answer.headers["Allow"]
    # Elsewhere errors keep our shape.
    assert "error" in client.get("/api/v2/x").get_json()
    assert "error" in client.get("/api/v1").get_json()


def test_not_ready(cold_client: FlaskClient) -> None:
    answer = post(cold_client, RECOGNIZE, portrait(5))
    refused(answer, 503, 0)
    assert int(answer.headers["Retry-After"]) >= 1
    assert cold_client.get(FACES).get_json()["total_elements"] == 0


def test_busy(client: FlaskClient, services: Services) -> None:
    turns = services.engine().recognizer.turns
    turns._at_once = 0
    turns._waiting._capacity = 0
    turns._pace_seconds = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turns, "_pause", lambda: 7)
        for url in (RECOGNIZE, DETECT, f"{FACES}?subject=ada"):
            answer = post(client, url, portrait(5))
            refused(answer, 503, 0)
            assert answer.headers["Retry-After"] == "7"
    assert client.get(SUBJECTS).get_json() == {"subjects": []}


def test_keys(tmp_path: Path) -> None:
    services = make_services(with_keys(fake_settings(tmp_path)))
    services.start()
    app = app_of(services)
    contract = Contract(app)
    client = app.test_client()
    keys = {
        scope: sent(make_key(services.database, scope)) for scope in Scope if scope != Scope.DEVICE
    }
    refused(client.get(SUBJECTS), 401, 10)
    answer = client.get(SUBJECTS, headers={"x-api-key": "00000000-0000-0000-0000-000000000002"})
    refused(answer, 401, 10)
    assert "WWW-Authenticate" in answer.headers
    open_to: dict[tuple[str, str], Scope | tuple[Scope, ...]] = {
        ("GET", SUBJECTS): Scope.READ,
        ("GET", FACES): Scope.READ,
        ("POST", SUBJECTS): Scope.ENROLL,
        ("POST", FACES): Scope.ENROLL,
        ("POST", f"{FACES}/delete"): Scope.ENROLL,
        ("DELETE", f"{FACES}?subject=x"): Scope.ENROLL,
        ("DELETE", f"{FACES}/x"): Scope.ENROLL,
        ("GET", f"{FACES}/x/img"): Scope.ENROLL,
        ("PUT", f"{SUBJECTS}/x"): Scope.ENROLL,
        ("DELETE", f"{SUBJECTS}/x"): Scope.ENROLL,
        ("POST", RECOGNIZE): Scope.IDENTIFY,
        ("POST", f"{FACES}/x/verify"): (Scope.READ, Scope.ENROLL),
        ("POST", DETECT): Scope.IDENTIFY,
        ("POST", VERIFY): Scope.IDENTIFY,
        ("POST", f"{ROOT}/embeddings/recognize"): Scope.IDENTIFY,
        ("DELETE", SUBJECTS): Scope.ADMIN,
        ("DELETE", FACES): Scope.ADMIN,
    }
    for (method, url), needed in open_to.items():
        for scope, headers in keys.items():
            answer = client.open(url, method=method, headers=headers)
            allowed = needed if isinstance(needed, tuple) else (needed,)
            if scope in (*allowed, Scope.ADMIN):
                assert answer.status_code not in (401, 403), (method, url, scope)
            else:
                refused(answer, 403, 10)
    acts = {act["action"] for act in audited(client, keys[Scope.ADMIN]["X-API-Key"])}
    assert {"people.delete_all", "examples.delete_all"} <= acts
    services.close()
    contract.check()


def test_another_page_may_not(client: FlaskClient) -> None:
    answer = client.delete(SUBJECTS, headers={"Origin": "https://elsewhere.example"})
    refused(answer, 403, 10)


def test_it_is_in_the_contract(client: FlaskClient) -> None:
    contract = client.get("/openapi.json").get_json(force=True)
    said = contract["paths"][RECOGNIZE]["post"]
    assert "28" in said["responses"]["400"]["x-codes"]
    schema = said["responses"]["400"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/CompreFaceError"}
    options = {parameter["name"] for parameter in said["parameters"]}
    assert {"limit", "det_prob_threshold", "prediction_count", "face_plugins", "status"} <= options
    assert not [path for path in contract["paths"] if re.match("/api/v1/.*<", path)]
