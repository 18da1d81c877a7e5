"""Settings: a file, the environment over it, and nothing that nobody knows."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from edge.config import load_config
from edge.sections import Config
from edge.settings_fields import ConfigError

LEAST = {"EDGE_SERVER_URL": "https://kenal.example.org", "EDGE_SERVER_DEVICE_ID": "door-1"}
KEY = "knl_cfn3kydosdbp_do-not-show"
EXAMPLE = Path(__file__).resolve().parents[2] / "edge" / "edge.example.toml"


def load(**more: str) -> Config:
    return load_config(None, environment(more))


def load_file(tmp_path: Path, text: str, **more: str) -> Config:
    (tmp_path / "edge.toml").write_text(text)
    return load_config(tmp_path / "edge.toml", environment(more))


def environment(more: Mapping[str, str]) -> dict[str, str]:
    return {**LEAST, **{f"EDGE_{name}": value for name, value in more.items()}}


def test_the_environment_is_over_the_file(tmp_path: Path) -> None:
    text = '[server]\nkey = "of the file"\ndirection = "in"\n[relay]\npin = 17\npulse_ms = 200\n'
    config = load_file(tmp_path, text, SERVER_KEY=KEY, RELAY_PULSE_MS="400", PAGE_ENABLED="true")
    assert (config.server.key.text, config.server.direction) == (KEY, "in")
    assert (config.relay.pin, config.relay.pulse_ms, config.page.enabled) == (17, 400, True)


def test_the_file_is_found_by_the_environment(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("[outbox]\nmax_events = 7\n")
    config = load_config(None, {**LEAST, "EDGE_CONFIG": str(tmp_path / "x.toml")})
    assert config.outbox.max_events == 7


def test_without_a_relay_there_is_no_pin() -> None:
    assert load().relay.pin is None
    assert load(RELAY_PIN="").relay.pin is None


def test_a_key_is_never_shown() -> None:
    config = load(SERVER_KEY=KEY, CAMERA_SPEC="rtsp://me:secret@camera/1", PAGE_PASSWORD="hush")
    shown = f"{config} {config!r} {config.server.key}"
    assert not any(text in shown for text in (KEY, "secret", "hush"))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SERVER_UNKNOWN", "1", "server.unknown is not a setting"),
        ("NOTIFY_SOCKET", "/run/x", "notify.socket is not a setting"),
        ("SERVER", "1", "server. is not a setting"),
        ("SERVER_URL", "kenal.example.org", "server.url must be"),
        ("SERVER_URL", "https://me:pass@kenal.example.org", "without a password"),
        ("SERVER_DEVICE_ID", "", "server.device_id must be given"),
        ("SERVER_DIRECTION", "up", "in or out"),
        ("SERVER_TIMEOUT_SECONDS", "soon", "must be a number"),
        ("SERVER_FRESH_SECONDS", "nan", "between 1 and 60"),
        ("OUTBOX_MAX_EVENTS", "2.5", "must be a whole number"),
        ("OUTBOX_MAX_EVENTS", "0", "between 1 and"),
        ("RELAY_PIN", "99", "between 0 and 53"),
        ("RELAY_PULSE_MS", "9000", "must not be above relay.max_ms"),
        ("RELAY_MAX_MS", "60000", "between 50 and 10000"),
        ("RELAY_ACTIVE_HIGH", "yes", "must be true or false"),
        ("GATE_STEADY_SECONDS", "3", "must not be above gate.window_seconds"),
    ],
)
def test_what_is_wrong_is_said(name: str, value: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load(**{name: value})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[sever]\n", r"\[sever\] is not a section"),
        ("[server]\nkee = 'x'\n", "server.kee is not a setting"),
        ("[server]\nkey = 5\n", "server.key must be a text"),
        ("[relay]\npin = true\n", "must be a whole number"),
        ("server = 1\n", "is not a section"),
        ("[server\n", "is not TOML"),
        ("[notify_socket]\n", "is not a section"),
    ],
)
def test_what_is_wrong_in_the_file_is_said(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=words):
        load_file(tmp_path, text)


def test_a_file_that_is_not_there_is_said_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read") as raised:
        load_config(tmp_path / "absent.toml", LEAST)
    assert str(tmp_path) not in str(raised.value)


def test_an_open_page_needs_a_password() -> None:
    with pytest.raises(ConfigError, match=r"page\.password"):
        load(PAGE_ENABLED="true", PAGE_HOST="0.0.0.0")
    assert load(PAGE_ENABLED="true", PAGE_HOST="0.0.0.0", PAGE_PASSWORD="x").page.enabled


def test_the_example_holds_and_names_every_setting() -> None:
    config = load_config(EXAMPLE, {})
    assert config.server.device_id
    text = EXAMPLE.read_text()
    for section in ("server", "camera", "detector", "gate", "outbox", "relay", "page"):
        table = getattr(config, section)
        assert f"[{section}]" in text
        for name in table.__dataclass_fields__:
            assert f"{name} =" in text, f"{section}.{name}"
