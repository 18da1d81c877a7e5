"""A real MQTT broker on loopback, Debian's mosquitto, and a client that hears everything."""

import getpass
import importlib
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.integration.system import free_port

SOON_SECONDS = 20.0


def soon(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SOON_SECONDS
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


@dataclass
class Broker:
    """Keeps its port, its log and what it retains in `folder`, through kills."""

    folder: Path
    lines: Sequence[str] = ("allow_anonymous true",)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until it listens; the test is skipped where there is no mosquitto."""
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            pytest.skip("mosquitto is not installed")
        config = self.folder / "mosquitto.conf"
        config.write_text("\n".join([*self._settings(), *self.lines]) + "\n")
        known = len(self.log)
        self.process = subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL)
        assert soon(lambda: " running" in self.log[known:]), self.log

    @property
    def log(self) -> str:
        place = self.folder / "mosquitto.log"
        return place.read_text() if place.exists() else ""

    def kill(self) -> None:
        """As a power cut does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _settings(self) -> list[str]:
        return [
            f"listener {self.port} 127.0.0.1",
            f"user {getpass.getuser()}",  # else root becomes another, who may not write here
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_on_changes true",
            "autosave_interval 1",
            f"log_dest file {self.folder}/mosquitto.log",
            "log_type all",
        ]


@dataclass(frozen=True)
class Heard:
    """One message. `kept`: it was on the broker before its hearer came."""

    topic: str
    text: str
    kept: bool


class Hearer:
    """Another client, that hears all and can say anything."""

    def __init__(self, broker: Broker, name: str = "hearer") -> None:
        paho = importlib.import_module("paho.mqtt.client")
        self.heard: list[Heard] = []
        self._ready = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=name)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_connect = lambda *_: self._client.subscribe("#")
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        assert self._ready.wait(SOON_SECONDS)

    def say(self, topic: str, text: str, kept: bool) -> None:
        self._client.publish(topic, text, retain=kept)

    def said(self) -> None:
        """Until the broker has taken what was said."""
        self._client.publish("said", "", qos=1).wait_for_publish(SOON_SECONDS)

    def texts(self, topic: str) -> list[str]:
        return [one.text for one in list(self.heard) if one.topic == topic]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        self.heard.append(Heard(message.topic, message.payload.decode(), message.retain))
