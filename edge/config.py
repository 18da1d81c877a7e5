"""The settings: one TOML file, over it EDGE_SECTION_NAME of the environment; read nowhere else.

`EDGE_CONFIG` says where the file is.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

import httpx

from edge.sections import LOOPBACK, Config, ServerSettings
from edge.settings_fields import ConfigError, Secret, check_bounds, value_of
from edge.types import Point
from edge.zone import zone_of

PREFIX = "EDGE_"
FILE = "EDGE_CONFIG"
_DEVICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # the server's rule
_CONTROLS = re.compile(r"[\0-\x1f\x7f]")
_LEAST_AREA = 1e-4  # of the frame


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
    for problem in _problems(config):
        raise ConfigError(problem)


def _problems(config: Config) -> Iterator[str]:
    recognition = config.recognition
    yield from _texts(config)
    if config.server.url or recognition.mode != "local":
        yield from _server_problems(config.server)
    elif recognition.sync or config.register.to != "local" or config.detector.on_server:
        yield "without server.url: recognition.sync = false, register.to = local, no on_server"
    yield from _choices(config)
    yield from _pins(config)
    yield from _topics(config)
    yield from _given(config)
    yield from _keys(config)
    if config.gate.zone and _area(zone_of(config.gate.zone)) < _LEAST_AREA:
        yield "gate.zone: nobody has room in it"
    if recognition.mode == "local" and recognition.network is None:
        yield "recognition.network must be given where recognition.mode is local"
    if recognition.mode == "local" and not (config.detector.model or config.detector.on_server):
        yield "recognition.mode = local needs detector.model: a cascade does not see landmarks"
    if config.relay.pulse_ms > config.relay.max_ms:
        yield "relay.pulse_ms must not be above relay.max_ms"
    if config.gate.steady_seconds > config.gate.window_seconds:
        yield "gate.steady_seconds must not be above gate.window_seconds"
    if config.page.enabled and not config.page.password.text and config.page.host not in LOOPBACK:
        yield "page.password must be given where page.host is not this machine"


def _pins(config: Config) -> Iterator[str]:
    signals = config.signals
    given = [config.relay.pin, signals.granted_pin, signals.refused_pin, signals.buzzer_pin]
    used = [pin for pin in given if pin is not None]
    if len(set(used)) < len(used):
        yield "relay.pin and the pins of signals must be different ones"


def _topics(config: Config) -> Iterator[str]:
    for name, text in (
        ("topic", config.mqtt.topic),
        ("discovery_prefix", config.mqtt.discovery_prefix),
    ):
        if set(text) & set("+#\0"):
            yield f"mqtt.{name} must not hold + or #"
    if config.mqtt.ca_file is not None and not config.mqtt.tls:
        yield "mqtt.ca_file needs mqtt.tls = true"


def _given(config: Config) -> Iterator[str]:
    for name, text in (
        ("mqtt.topic", config.mqtt.topic),
        ("camera.spec", config.camera.spec.text),
        ("page.host", config.page.host),
    ):
        if not text:
            yield f"{name} must be given"
    for name, host in (("page.host", config.page.host), ("mqtt.host", config.mqtt.host)):
        if host and not _is_host(host):
            yield f"{name} is no name of a machine"


def _server_problems(server: ServerSettings) -> Iterator[str]:
    if not _is_address(server.url):
        yield "server.url must be like https://kenal.example.org, without a password"
    if not server.device_id:
        yield "server.device_id must be given"
    elif not _DEVICE_ID.fullmatch(server.device_id):
        yield "server.device_id is 1 to 64 letters, digits and . _ - as the server has it"


def _is_address(url: str) -> bool:
    try:
        address = urlsplit(url)
        httpx.URL(url)
        is_whole = address.port != 0 and _is_host(address.hostname or "")
    except (ValueError, httpx.InvalidURL):
        return False
    is_plain = not (address.username or address.query or address.fragment)
    return address.scheme in ("http", "https") and is_whole and is_plain


def _is_host(text: str) -> bool:
    """Whether it can be looked up at all: what cannot is no OSError, but a traceback."""
    try:
        text.encode("idna")
    except UnicodeError:
        return False
    return bool(text) and not re.search(r"\s", text)


def _keys(config: Config) -> Iterator[str]:
    keys = {"server.key": config.server.key, "register.key": config.register.key}
    for name, key in keys.items():
        if not key.text.isascii() or " " in key.text:
            yield f"{name} is no key: a key is letters, digits and signs of ASCII"


def _texts(config: Config) -> Iterator[str]:
    """What no library takes, and each refuses in another way."""
    for section in fields(config):
        table = getattr(config, section.name)
        for spot in fields(table) if is_dataclass(table) else ():
            value = getattr(table, spot.name)
            text = value.text if isinstance(value, Secret) else value
            if isinstance(text, str | Path) and _CONTROLS.search(str(text)):
                yield f"{section.name}.{spot.name} must not hold line ends or control characters"
            if isinstance(text, str) and not _is_unicode(text):
                yield f"{section.name}.{spot.name} is not UTF-8"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _area(corners: tuple[Point, ...]) -> float:
    """Of the polygon, as a part of the frame."""
    pairs = zip(corners, (*corners[1:], *corners[:1]), strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2


def _choices(config: Config) -> Iterator[str]:
    if config.server.direction not in ("", "in", "out"):
        yield "server.direction must be in or out"
    if config.recognition.mode not in ("server", "local"):
        yield "recognition.mode must be server or local"
    if config.recognition.offline not in ("deny", "known", "review"):
        yield "recognition.offline must be deny, known or review"
    if config.register.to not in ("local", "server", "both"):
        yield "register.to must be local, server or both"


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
        read = _read_value(f"{section}.{name}", kind, value)
        check_bounds(f"{section}.{name}", read, spots[name].metadata.get("bounds"))
        config = replace(config, **{section: replace(table, **{name: read})})
    return config


def _read_value(name: str, kind: object, value: object) -> object:
    try:
        return value_of(name, kind, value)
    except OverflowError:
        raise ConfigError(f"{name} must be a smaller number") from None
