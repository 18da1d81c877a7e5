"""/healthz, /readyz, and the door mat."""

import json
import shutil
import time
import tomllib
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from api import create_app
from db import migrate
from pipeline.gallery import LiveGallery
from pipeline.services import Services
from tests.api.kit import body, enroll
from tests.fakes import FakeNetworks, fake_settings, make_services, portrait

ROOT = Path(__file__).parents[2]


def beat(folder: Path, seconds_ago: float = 0, state: str = "events") -> None:
    value = {"at": time.time() - seconds_ago, "state": state, "waiting": 3}
    (folder / "var" / "watcher.json").write_text(json.dumps(value))


def test_alive_before_anything_is_loaded(cold_client: FlaskClient) -> None:
    answer = cold_client.get("/healthz")
    assert (answer.status_code, body(answer)["status"]) == (200, "alive")


def test_ready(client: FlaskClient, tmp_path: Path) -> None:
    beat(tmp_path)
    answer = client.get("/readyz")
    found = body(answer)
    assert (answer.status_code, found["status"]) == (200, "ready")
    checks = found["checks"]
    assert {name: check["status"] for name, check in checks.items()} == dict.fromkeys(
        ["database", "schema", "embedder", "gallery", "drop_folder", "watcher"], "ready"
    )
    assert checks["embedder"]["embedder"] == "colors"
    assert checks["embedder"]["reason"] == "set by KENAL_EMBEDDER"
    assert checks["gallery"]["faces"] == 0
    assert checks["watcher"] == {"status": "ready", "message": "events", "waiting": 3}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"at": "x"}', '{"at": null}', "\x00"])
def test_a_watcher_that_says_nonsense_is_not_running(
    client: FlaskClient, tmp_path: Path, text: str
) -> None:
    (tmp_path / "var" / "watcher.json").write_text(text)
    answer = client.get("/readyz")
    assert (answer.status_code, body(answer)["status"]) == (200, "degraded")
    assert body(answer)["checks"]["watcher"]["message"] == "not running"


def test_a_watcher_that_stopped_or_struggles(client: FlaskClient, tmp_path: Path) -> None:
    assert body(client.get("/readyz"))["checks"]["watcher"]["message"] == "not running"
    beat(tmp_path, seconds_ago=16)
    assert body(client.get("/readyz"))["checks"]["watcher"]["message"] == "not running"
    beat(tmp_path, state="not_ready")
    watcher = body(client.get("/readyz"))["checks"]["watcher"]
    assert (watcher["status"], watcher["message"]) == ("degraded", "not_ready")


def test_readiness_asks_once_and_says_what_is_true_now(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[LiveGallery] = []
    catch_up = LiveGallery.catch_up

    def counted(own: LiveGallery) -> None:
        asked.append(own)
        catch_up(own)

    monkeypatch.setattr(LiveGallery, "catch_up", counted)
    enroll(client, "1042", portrait(5))
    asked.clear()
    assert body(client.get("/readyz"))["checks"]["gallery"]["faces"] == 1
    assert len(asked) == 1
    client.delete("/users/1042")
    assert body(client.get("/readyz"))["checks"]["gallery"]["faces"] == 0


def test_readiness_reads_the_migrations_once(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.get("/readyz")
    monkeypatch.setattr(migrate, "_SCRIPTS", Path("nowhere"))
    assert body(client.get("/readyz"))["checks"]["schema"]["status"] == "ready"


def test_not_started(cold_client: FlaskClient) -> None:
    answer = cold_client.get("/readyz")
    found = body(answer)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert found["error"]["code"] == "not_ready"
    assert "embedder" in found["error"]["message"]
    assert found["checks"]["database"]["status"] == "ready"
    assert found["checks"]["embedder"]["code"] == "not_ready"


def test_no_schema(tmp_path: Path) -> None:
    services = Services.build(fake_settings(tmp_path), FakeNetworks())
    client = create_app(services=services).test_client()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "flask db upgrade" in body(answer)["checks"]["schema"]["message"]
    services.close()


def test_missing_weights_are_named(tmp_path: Path) -> None:
    services = make_services(fake_settings(tmp_path), FakeNetworks(missing=True))
    services.start_in_background()
    client = create_app(services=services).test_client()
    deadline = time.monotonic() + 20
    code = ""
    while code != "model_unavailable" and time.monotonic() < deadline:
        code = body(client.get("/readyz"))["checks"]["embedder"]["code"]
    assert code == "model_unavailable"
    services.close()


def test_no_drop_folder(client: FlaskClient, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "photo_storage")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert body(answer)["checks"]["drop_folder"]["status"] == "not_ready"
    assert str(tmp_path) not in answer.text


def test_root_links_exist(client: FlaskClient) -> None:
    found = body(client.get("/"))
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (found["name"], found["version"]) == ("Kenal", version)
    known = {rule.rule for rule in client.application.url_map.iter_rules()}
    assert set(found["links"].values()) <= known
