"""The live page put together: who is registered on it is known at once."""

import importlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from edge.cameras.file import every_frame
from edge.page_parts import page_of
from edge.program import Door
from edge.sections import (
    Config,
    DetectorSettings,
    OutboxSettings,
    PageSettings,
    RecognitionSettings,
    RegisterSettings,
)
from edge.settings_fields import ConfigError
from tests.edge.test_clip import SECOND_SCENE, THIRD_SCENE
from tests.integration.system import free_port

pytest.importorskip("waitress", reason="the live page's server is not here: requirements-page.txt")
SOON_SECONDS = 120.0


@pytest.fixture
def config(tmp_path: Path, shared_dir: Path) -> Config:
    models = shared_dir / "models"
    own = Config(
        detector=DetectorSettings(models / "yunet_n_640.onnx", search_px=640),
        outbox=OutboxSettings(tmp_path / "edge-data"),
        recognition=RecognitionSettings(
            mode="local", network=models / "mobilefacenet.onnx", sync=False
        ),
        register=RegisterSettings(samples=3, countdown_seconds=0.0),
        page=PageSettings(enabled=True, port=free_port()),
    )
    # One visit, and no other for a look that changed or a face that nobody knew.
    gate = replace(own.gate, least_face_px=70, tries=1, cooldown_seconds=3600)
    return replace(own, gate=gate)


@contextmanager
def at_work(config: Config, stop: threading.Event) -> Iterator[Door]:
    with ExitStack() as stack:
        door = Door(config, None, stack)
        page = page_of(
            config, door.board, lambda: [], door.local, stop=stop, registered=door.registered
        )
        stack.enter_context(page)
        yield door


def told(config: Config) -> dict[str, Any]:
    address = f"http://127.0.0.1:{config.page.port}/status.json"
    answer: dict[str, Any] = httpx.get(address, timeout=30).json()
    return answer


def register(config: Config, name: str) -> httpx.Response:
    origin = f"http://127.0.0.1:{config.page.port}"
    headers = {"Origin": origin}
    return httpx.post(f"{origin}/capture", json={"name": name}, headers=headers, timeout=30)


def play(door: Door, clip: Path, goes_on: Callable[[], bool]) -> None:
    """The scene of one man, forth and back as if he stayed there, until `goes_on` ends it."""
    frames = [one for one in every_frame(clip) if SECOND_SCENE <= one.number < THIRD_SCENE]
    loop, deadline, number = [*frames, *reversed(frames)], time.monotonic() + SOON_SECONDS, 0
    while goes_on():
        assert time.monotonic() < deadline, "it does not end"
        shown = loop[number % len(loop)]
        frame = replace(
            shown, number=number, captured_at=time.time(), captured_monotonic=time.monotonic()
        )
        for visit in door.watching.feed(frame):
            door.offer(visit)
        number += 1


def words(door: Door) -> list[str]:
    return [one.label.text for one in door.board.happenings()]


def test_who_is_registered_on_the_page_is_known_while_he_still_stands_there(
    config: Config, shared_dir: Path
) -> None:
    clip = shared_dir / "video" / "short_hamilton_clip.mp4"
    with at_work(config, threading.Event()) as door:
        play(door, clip, lambda: not words(door))
        assert set(words(door)) == {"unknown"}
        assert register(config, "Lin-Manuel").status_code == 202
        play(door, clip, lambda: "Lin-Manuel" not in words(door))
        assert told(config)["capture"]["state"] == "done"
        assert "Lin-Manuel" in str(told(config)["happenings"])
        assert set(words(door)) <= {"unknown", "Lin-Manuel"}


def test_the_form_is_not_there_where_nobody_can_be_registered(config: Config) -> None:
    server = replace(config, recognition=RecognitionSettings(), register=RegisterSettings("server"))
    server = replace(server, server=replace(server.server, url="http://127.0.0.1:9"))
    with at_work(replace(server, server=replace(server.server, device_id="door-1")), stop()):
        assert told(config)["capture"] is None
        assert register(config, "Ada").status_code == 404


def stop() -> threading.Event:
    return threading.Event()


def test_a_capture_ends_with_the_agent(config: Config) -> None:
    ends = stop()
    before = set(threading.enumerate())
    with at_work(config, ends):
        assert register(config, "Ada").status_code == 202
        ends.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive(), thread.name


def test_a_page_whose_packages_are_not_there_is_said(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = importlib.import_module

    def absent(name: str) -> ModuleType:
        if name == "waitress":
            raise ImportError(name)
        return load(name)

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(ConfigError, match="requirements-page"), at_work(config, stop()):
        pass


def test_without_a_page_nobody_listens(config: Config) -> None:
    closed = replace(config, page=replace(config.page, enabled=False))
    with at_work(closed, stop()), pytest.raises(httpx.ConnectError):
        told(config)
