"""Settings that cannot be: words, never a traceback."""

from pathlib import Path

import pytest

from edge.config import load_config
from edge.settings_fields import ConfigError

KEY = "knl_do_not_show"
NUL = "\0"
BAD_SETTINGS = [
    ("server", "url", "", "server.url"),
    ("server", "url", "kenal.example.org", "server.url"),
    ("server", "url", "ftp://kenal.example.org", "server.url"),
    ("server", "url", "http://[::1", "server.url"),
    ("server", "url", "http://kenal:99999", "server.url"),
    ("server", "url", "http://kenal:port", "server.url"),
    ("server", "url", "http://kenal:0", "server.url"),
    ("server", "url", "http://exa mple", "server.url"),
    ("server", "url", "http://xn--a..b", "server.url"),
    ("server", "url", "http://me:secret@kenal", "server.url"),
    ("server", "url", "https://kenal/?key=1", "server.url"),
    ("server", "url", "https://kenal/#here", "server.url"),
    ("server", "device_id", "", "server.device_id"),
    ("server", "device_id", "../users", "server.device_id"),
    ("server", "device_id", "door 1", "server.device_id"),
    ("server", "device_id", "x" * 65, "server.device_id"),
    ("server", "key", "knl_ü_do_not_show", "server.key"),
    ("server", "key", f"{KEY}\n", "server.key"),
    ("server", "key", f"Bearer {KEY}", "server.key"),
    ("server", "direction", "up", "server.direction"),
    ("server", "timeout_seconds", "nan", "server.timeout_seconds"),
    ("server", "timeout_seconds", "inf", "server.timeout_seconds"),
    ("register", "key", "knl_ü_do_not_show", "register.key"),
    ("register", "to", "cloud", "register.to"),
    ("camera", "spec", "", "camera.spec"),
    ("camera", "spec", f"/dev/{NUL}", "camera.spec"),
    ("camera", "width", 10**400, "camera.width"),
    ("camera", "width", 640.5, "camera.width"),
    ("camera", "width", True, "camera.width"),
    ("camera", "width", [640], "camera.width"),
    ("detector", "model", f"/models/{NUL}", "detector.model"),
    ("detector", "on_server", "yes", "detector.on_server"),
    ("gate", "zone", "everywhere", "gate.zone"),
    ("gate", "zone", "0,0 1,1", "gate.zone"),
    ("gate", "zone", "0,0 1,1 0,0", "gate.zone"),
    ("gate", "zone", "0,0 0.5,0.5 1,1", "gate.zone"),
    ("gate", "zone", "0,0 2,0 2,2", "gate.zone"),
    ("gate", "zone", "nan,0 1,0 1,1", "gate.zone"),
    ("gate", "zone", "0;0 1;0 1;1", "gate.zone"),
    ("gate", "steady_seconds", 2, "gate.steady_seconds"),
    ("recognition", "mode", "both", "recognition.mode"),
    ("recognition", "mode", "local", "recognition.network"),
    ("recognition", "offline", "open", "recognition.offline"),
    ("recognition", "threshold", -0.1, "recognition.threshold"),
    ("recognition", "votes", 0, "recognition.votes"),
    ("recognition", "network", f"x{NUL}", "recognition.network"),
    ("outbox", "folder", f"x{NUL}", "outbox.folder"),
    ("outbox", "max_events", 0, "outbox.max_events"),
    ("relay", "pulse_ms", 6000, "relay.pulse_ms"),
    ("relay", "pin", "seventeen", "relay.pin"),
    ("relay", "pin", 54, "relay.pin"),
    ("mqtt", "topic", "", "mqtt.topic"),
    ("mqtt", "topic", "kenal/#", "mqtt.topic"),
    ("mqtt", "host", f"broker{NUL}", "mqtt.host"),
    ("mqtt", "ca_file", "/etc/ca.pem", "mqtt.tls"),
    ("mqtt", "host", "broker..lan", "mqtt.host"),
    ("page", "host", "", "page."),
    ("page", "host", "my door", "page.host"),
    ("page", "host", "0.0.0.0", "page.password"),
    ("page", "port", 0, "page.port"),
    ("page", "password", "line\nend", "page.password"),
    ("page", "colour", "green", "page.colour"),
    ("doors", "number", 2, "doors"),
]


@pytest.mark.parametrize(("section", "name", "value", "words"), BAD_SETTINGS)
def test_settings_that_cannot_be_are_said(
    section: str, name: str, value: object, words: str, tmp_path: Path
) -> None:
    least: dict[str, dict[str, object]] = {
        "server": {"url": "https://kenal.example.org", "device_id": "door-1"},
        "page": {"enabled": True},
    }
    document = {**least, section: {**least.get(section, {}), name: value}}
    place = tmp_path / "edge.toml"
    place.write_text(toml(document), encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_config(place, {})
    assert words in str(raised.value)
    assert "do_not_show" not in str(raised.value)


def toml(document: dict[str, dict[str, object]]) -> str:
    lines: list[str] = []
    for section, table in document.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {text_of(value)}" for name, value in table.items()]
    return "\n".join(lines)


def text_of(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        plain = value.replace(NUL, "\\u0000").replace("\n", "\\n")
        return f'"{plain}"'
    return str(value)


def test_a_text_that_is_no_utf8_is_refused() -> None:
    given = {"EDGE_SERVER_URL": "https://kenal", "EDGE_SERVER_DEVICE_ID": "door-1"}
    with pytest.raises(ConfigError, match=r"page\.password is not UTF-8"):
        load_config(None, {**given, "EDGE_PAGE_PASSWORD": "p\udcff"})


def test_a_door_that_decides_itself_sees_landmarks() -> None:
    given = {
        "EDGE_RECOGNITION_MODE": "local",
        "EDGE_RECOGNITION_SYNC": "false",
        "EDGE_RECOGNITION_NETWORK": "net.onnx",
    }
    with pytest.raises(ConfigError, match=r"needs detector\.model"):
        load_config(None, given)
    assert load_config(None, {**given, "EDGE_DETECTOR_MODEL": "yunet.onnx"})


@pytest.mark.parametrize(
    "more",
    [{"RECOGNITION_SYNC": "true"}, {"REGISTER_TO": "both"}, {"DETECTOR_ON_SERVER": "true"}],
)
def test_without_a_server_nothing_may_want_one(more: dict[str, str]) -> None:
    alone = {
        "RECOGNITION_MODE": "local",
        "RECOGNITION_SYNC": "false",
        "RECOGNITION_NETWORK": "net.onnx",
        "DETECTOR_MODEL": "yunet.onnx",
    }
    with pytest.raises(ConfigError, match=r"without server\.url"):
        load_config(None, {f"EDGE_{name}": text for name, text in {**alone, **more}.items()})
