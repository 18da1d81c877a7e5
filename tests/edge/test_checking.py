"""`python -m edge check`: all of it, in order, and nothing is left behind."""

import importlib.util
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.active import KEY_REFUSED, key_in
from edge.checking import findings
from edge.checks import Finding
from edge.local_parts import network_of
from edge.recognition.gallery import Gallery
from edge.sections import (
    CameraSettings,
    Config,
    DetectorSettings,
    MqttSettings,
    OutboxSettings,
    PageSettings,
    RecognitionSettings,
    RegisterSettings,
    RelaySettings,
    ServerSettings,
)
from edge.settings_fields import Secret
from edge.verdict import NO_KEYS
from tests.edge.bad_server import Handler, bad_server


@pytest.fixture
def alone(tmp_path: Path, shared_dir: Path) -> Config:
    """A door without a server, before a folder of pictures."""
    (tmp_path / "pictures").mkdir()
    image = np.random.default_rng(1).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "pictures" / "1.png"), image)
    models = shared_dir / "models"
    return Config(
        camera=CameraSettings(Secret(str(tmp_path / "pictures"))),
        detector=DetectorSettings(models / "yunet_n_640.onnx"),
        outbox=OutboxSettings(tmp_path / "edge-data", max_megabytes=1),
        recognition=RecognitionSettings(
            mode="local", network=models / "mobilefacenet.onnx", sync=False
        ),
    )


def opened() -> set[str]:
    """Files and sockets that this process has open."""
    handles = Path("/proc/self/fd")
    return {os.readlink(one) for one in handles.iterdir() if one.is_symlink() and one.exists()}


def found(config: Config) -> dict[str, Finding]:
    return {one.what: one for one in findings(config)}


def bad(config: Config) -> list[str]:
    return [one.what for one in findings(config) if one.is_bad]


def test_all_is_looked_at_and_nothing_goes_on(alone: Config) -> None:
    found(alone)  # the networks' runtimes keep files of their own
    threads, before = set(threading.enumerate()), opened()
    told = found(alone)
    assert list(told) == ["disk", "camera", "detector", "network", "gallery", "relay"]
    assert told["camera"].word.startswith("160x120")
    assert [what for what, one in told.items() if one.is_bad] == ["gallery"], "nobody is known"
    for thread in set(threading.enumerate()) - threads:
        thread.join(10)
        assert not thread.is_alive(), thread.name
    assert opened() <= before


def test_who_is_known_is_counted(alone: Config) -> None:
    folder = alone.outbox.folder
    folder.mkdir()
    gallery = Gallery(folder)
    embedder = network_of(alone)
    assert embedder is not None
    vector = np.ones(embedder.network.dimensions, np.float32)
    gallery.register("ada", "Ada", [vector], embedder.network, 0.0)
    gallery.close()
    assert found(alone)["gallery"] == Finding("gallery", "1 people")


def blocked(folder: Path) -> None:
    (folder / "gallery.sqlite3").mkdir(parents=True)


def newer(folder: Path) -> None:
    folder.mkdir()
    gallery = Gallery(folder)
    with gallery._reading() as run:
        run.execute("PRAGMA user_version = 99")
    gallery.close()


@pytest.mark.parametrize("spoil", [blocked, newer])
def test_a_gallery_that_cannot_be_used_is_said(
    alone: Config, spoil: Callable[[Path], None]
) -> None:
    spoil(alone.outbox.folder)
    assert bad(alone) == ["gallery"]


def test_a_network_or_detector_that_is_none_is_said(alone: Config, tmp_path: Path) -> None:
    absent = tmp_path / "absent.onnx"
    local = replace(alone.recognition, network=absent)
    assert bad(replace(alone, recognition=local)) == ["network"]
    assert "detector" in bad(replace(alone, detector=replace(alone.detector, model=absent)))


def test_what_is_not_installed_is_said(alone: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    wanting = replace(alone, page=PageSettings(enabled=True), mqtt=MqttSettings(host="broker.lan"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    told = found(wanting)
    assert told["page"] == Finding("page", "edge/requirements-page.txt is not installed", True)
    assert told["mqtt"] == Finding("mqtt", "edge/requirements-mqtt.txt is not installed", True)
    assert not {"page", "mqtt"} & set(found(alone))


def test_a_server_that_lacks_everything_is_said(alone: Config) -> None:
    def lacks(handler: Handler) -> None:
        handler.error(404, "not_found")

    with bad_server(lacks) as server:
        config = replace(
            alone, server=replace(server.settings(), key=Secret("knl_x")), relay=RelaySettings()
        )
        assert "server" in bad(config)
    assert "server" in bad(replace(alone, server=ServerSettings("http://127.0.0.1:9")))


def test_a_key_that_was_refused_is_said_while_nobody_answers(alone: Config) -> None:
    server = ServerSettings("http://127.0.0.1:9", Secret("knl_x_y"), "door-1")
    door = replace(alone, server=server)
    assert "key" not in found(door)
    key_in(alone.outbox.folder, server).heard(False)
    assert found(door)["key"] == Finding("key", KEY_REFUSED, True)
    fresh = replace(server, key=Secret("knl_y_z"))
    assert "key" not in found(replace(door, server=fresh))


@pytest.mark.parametrize("status", [429, 503])
def test_a_key_that_was_refused_is_said_while_the_server_says_nothing_of_it(
    alone: Config, status: int
) -> None:
    def answer(handler: Handler) -> None:
        if handler.path == "/healthz":
            handler.json(200, {"status": "alive"})
        else:
            handler.error(status, "busy")

    with bad_server(answer) as server:
        door = replace(alone, server=server.settings())
        assert found(door)["key"].word == f"the server answered {status} to a heartbeat"
        key_in(alone.outbox.folder, door.server).heard(False)
        assert found(door)["key"] == Finding("key", KEY_REFUSED, True)


def test_a_server_that_asks_for_no_keys_is_said(alone: Config) -> None:
    def answer(handler: Handler) -> None:
        handler.json(403, {"error": {"code": "forbidden"}, "request_id": "its own"})

    with bad_server(answer) as server:
        told = found(replace(alone, server=server.settings()))
    assert told["server"] == Finding("server", NO_KEYS, True)
    assert "key" not in told


def test_the_servers_detector_is_not_loaded_here(alone: Config) -> None:
    remote = replace(
        alone, detector=DetectorSettings(on_server=True), recognition=RecognitionSettings()
    )
    assert found(remote)["detector"] == Finding("detector", "the server's")


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "forbidden", "holds_gallery"),
        (409, "network_not_served", "KENAL_DEVICE_NETWORKS"),
        (404, "not_found", "no gallery of the server's"),
    ],
)
def test_a_server_that_gives_no_gallery_is_said(
    alone: Config, status: int, code: str, words: str
) -> None:
    recognition = replace(alone.recognition, sync=True)
    with bad_server(lambda handler: handler.error(status, code)) as server:
        told = found(replace(alone, server=server.settings(), recognition=recognition))["sync"]
    assert told.is_bad
    assert words in told.word


def test_who_cannot_be_registered_on_the_server_is_said(alone: Config) -> None:
    assert "register" not in found(alone)
    assert "register" in bad(replace(alone, register=RegisterSettings("server")))
    with_key = RegisterSettings("server", Secret("knl_x_y"))
    assert "register" not in found(replace(alone, register=with_key))
