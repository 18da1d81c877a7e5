"""The settings: one TOML file, over it EDGE_SECTION_NAME of the environment; read nowhere else.

`EDGE_CONFIG` says where the file is.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from edge.settings_fields import ConfigError, Secret, bounded, check_bounds, counted, value_of

PREFIX = "EDGE_"
FILE = "EDGE_CONFIG"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where people are recognized. TLS is always verified; `ca_file` adds an authority."""

    url: str = ""
    key: Secret = field(default=Secret(""))
    device_id: str = ""
    direction: str = ""  # in, out; empty: the device's own on the server
    ca_file: Path | None = None
    timeout_seconds: float = bounded(10, 1, 60)
    fresh_seconds: float = bounded(10, 1, 60)


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """`spec` is pi, v4l2:0, rtsp://…, or a file or folder. It may hold a password: a secret."""

    spec: Secret = field(default=Secret("v4l2:0"))
    width: int = counted(640, 160, 4096)
    height: int = counted(480, 120, 4096)


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """The YuNet network; without one, OpenCV's Haar cascade."""

    model: Path | None = None
    least_confidence: float = bounded(0.7, 0.1, 1)


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Which frame of a visit is sent, and when another may be."""

    least_face_px: float = bounded(80, 20, 2000)
    least_sharpness: float = bounded(10, 0, 1e6)
    steady_seconds: float = bounded(0.4, 0, 5)
    window_seconds: float = bounded(1.2, 0, 5)
    cooldown_seconds: float = bounded(5, 0, 3600)


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """What waits for the server, and how much of it at most."""

    folder: Path = Path("edge-data")
    max_events: int = counted(10_000, 1, 1_000_000)
    max_megabytes: float = bounded(500, 1, 100_000)
    max_days: float = bounded(30, 0.01, 365)


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """The pin that opens (BCM number); without one nothing opens."""

    pin: int | None = field(default=None, metadata={"bounds": (0, 53)})
    active_high: bool = True
    pulse_ms: int = counted(3000, 50, 10_000)
    max_ms: int = counted(5000, 50, 10_000)


@dataclass(frozen=True, slots=True)
class PageSettings:
    """The live page."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = counted(8001, 1, 65535)
    password: Secret = field(default=Secret(""))


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set, and where systemd listens."""

    server: ServerSettings = field(default_factory=ServerSettings)
    camera: CameraSettings = field(default_factory=CameraSettings)
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    gate: GateSettings = field(default_factory=GateSettings)
    outbox: OutboxSettings = field(default_factory=OutboxSettings)
    relay: RelaySettings = field(default_factory=RelaySettings)
    page: PageSettings = field(default_factory=PageSettings)
    notify_socket: str = field(default="", metadata={"internal": True})


def load_config(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Config:
    """The settings of `file` or EDGE_CONFIG, and the environment; raises ConfigError."""
    environment = os.environ if environment is None else environment
    named = environment.get(FILE)
    place = file or (Path(named) if named else None)
    config = _merged(Config(), _tables(_read(place)) if place else {})
    config = _merged(config, dict(_of_environment(environment)))
    check(config)
    return replace(config, notify_socket=environment.get("NOTIFY_SOCKET", ""))


def check(config: Config) -> None:
    """Raises ConfigError where settings contradict each other or the server is missing."""
    address = urlsplit(config.server.url)
    if address.scheme not in ("http", "https") or not address.hostname or address.username:
        raise ConfigError("server.url must be like https://kenal.example.org, without a password")
    if not config.server.device_id:
        raise ConfigError("server.device_id must be given")
    if config.server.direction not in ("", "in", "out"):
        raise ConfigError("server.direction must be in or out")
    if config.relay.pulse_ms > config.relay.max_ms:
        raise ConfigError("relay.pulse_ms must not be above relay.max_ms")
    if config.gate.steady_seconds > config.gate.window_seconds:
        raise ConfigError("gate.steady_seconds must not be above gate.window_seconds")
    if config.page.enabled and not config.page.password.text and not _is_loopback(config.page.host):
        raise ConfigError("page.password must be given where page.host is not this machine")


def _is_loopback(host: str) -> bool:
    return host in ("127.0.0.1", "::1", "localhost")


def _read(place: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"the config file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError("the config file is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the config file is not TOML: {error}") from None


def _tables(document: Mapping[str, Any]) -> dict[tuple[str, str], object]:
    sections = {spot.name for spot in fields(Config) if "internal" not in spot.metadata}
    given: dict[tuple[str, str], object] = {}
    for section, table in document.items():
        if section not in sections or not isinstance(table, dict):
            raise ConfigError(
                f"[{section}] is not a section; there are {', '.join(sorted(sections))}"
            )
        given.update({(section, name): value for name, value in table.items()})
    return given


def _of_environment(environment: Mapping[str, str]) -> Iterator[tuple[tuple[str, str], object]]:
    for variable, text in environment.items():
        if variable.startswith(PREFIX) and variable != FILE:
            section, _, name = variable.removeprefix(PREFIX).lower().partition("_")
            yield (section, name), text


def _merged(config: Config, given: Mapping[tuple[str, str], object]) -> Config:
    for (section, name), value in given.items():
        table = getattr(config, section, None)
        spots = {spot.name: spot for spot in fields(table)} if is_dataclass(table) else {}
        if name not in spots or table is None:
            raise ConfigError(f"{section}.{name} is not a setting")
        kind = get_type_hints(type(table))[name]
        read = value_of(f"{section}.{name}", kind, value)
        check_bounds(f"{section}.{name}", read, spots[name].metadata.get("bounds"))
        config = replace(config, **{section: replace(table, **{name: read})})
    return config
