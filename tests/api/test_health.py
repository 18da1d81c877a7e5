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
from index import FaceIndex
from pipeline.gallery import LiveGallery
from pipeline.gallery_feed import Fault
from pipeline.services import Services
from tests.api.kit import body, enroll, recognize
from tests.fakes import FakeNetworks, fake_settings, make_services, portrait

ROOT = Path(__file__).parents[2]


def beat(
    folder: Path,
    seconds_ago: float = 0,
    state: str = "events",
    work: object = None,
    repair: object = None,
) -> None:
    at = time.time() - seconds_ago
    value = {"at": at, "state": state, "waiting": 3, "work": work, "repair": repair}
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
        [
            *("database", "schema", "embedder", "gallery", "threshold", "drop_folder", "watcher"),
            *("queue", "webhooks", "disk"),
        ],
        "ready",
    )
    assert checks["embedder"]["embedder"] == "colors"
    assert checks["embedder"]["reason"] == "set by KENAL_EMBEDDER"
    assert checks["gallery"] == {
        "status": "ready",
        "faces": 0,
        "segments": 0,
        "delta": 0,
        "tombstones": 0,
        "covered": 0,
        "position": 0,
        "build": None,
        "repaired": None,
    }
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

    def counted(own: LiveGallery) -> Fault | None:
        asked.append(own)
        return catch_up(own)

    monkeypatch.setattr(LiveGallery, "catch_up", counted)
    enroll(client, "1042", portrait(5))
    asked.clear()
    assert body(client.get("/readyz"))["checks"]["gallery"]["faces"] == 1
    assert len(asked) == 1
    client.delete("/users/1042")
    assert body(client.get("/readyz"))["checks"]["gallery"]["faces"] == 0


def test_the_index_is_described(client: FlaskClient, services: Services, tmp_path: Path) -> None:
    for number in range(1, 5):
        enroll(client, str(number), portrait(number))
    live = services.engine().gallery
    live.rebuild()
    enroll(client, "5", portrait(5))
    client.delete("/users/2")
    gallery = body(client.get("/readyz"))["checks"]["gallery"]
    told = {name: gallery[name] for name in ("faces", "segments", "delta", "tombstones")}
    assert told == {"faces": 4, "segments": 1, "delta": 1, "tombstones": 1}
    assert (gallery["covered"], gallery["position"]) == (4, 6)
    work = {"stage": "trees", "done": 7, "total": 50}
    repair = {"at": "2026-01-05T08:00:00Z", "what": "a part of the index is damaged"}
    beat(tmp_path, work=work, repair=repair)
    gallery = body(client.get("/readyz"))["checks"]["gallery"]
    assert (gallery["status"], gallery["build"], gallery["repaired"]) == ("ready", work, repair)
    beat(tmp_path, seconds_ago=16, work=work, repair=repair)
    assert body(client.get("/readyz"))["checks"]["gallery"]["build"] is None


def test_an_index_that_is_not_the_databases_is_degraded_then_reported(
    client: FlaskClient, services: Services, tmp_path: Path
) -> None:
    for number in range(1, 4):
        enroll(client, str(number), portrait(number))
    live = services.engine().gallery
    live.index.rebuild([], 3)
    live.compare()
    answer = client.get("/readyz")
    gallery = body(answer)["checks"]["gallery"]
    assert (answer.status_code, gallery["status"], gallery["faces"]) == (200, "degraded", 3)
    assert gallery["message"].startswith("the index does not match the database; ")
    assert body(recognize(client, portrait(2)))["user_id"] == "2"
    live.mend()
    gallery = body(client.get("/readyz"))["checks"]["gallery"]
    assert gallery["status"] == "ready"
    assert gallery["repaired"]["at"].endswith("Z")
    assert "3 faces were missing in it" in gallery["repaired"]["what"]


def test_a_damaged_index_is_said_without_its_place(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FaceIndex, "problem", property(lambda _: f"{tmp_path}/s1: checksum"))
    answer = client.get("/readyz")
    gallery = body(answer)["checks"]["gallery"]
    assert (answer.status_code, gallery["status"]) == (200, "degraded")
    assert "damaged" in gallery["message"]
    assert str(tmp_path) not in answer.text


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
