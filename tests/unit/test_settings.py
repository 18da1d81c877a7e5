"""Settings: typed, bounded, unknown names refused, no secret in an error."""

from pathlib import Path

import pytest

from core.settings import Auth, SettingsError, load_settings


def env(tmp_path: Path, text: str) -> Path:
    path = tmp_path / ".env"
    path.write_text(text)
    return path


def test_the_defaults_serve_on_loopback(tmp_path: Path) -> None:
    settings = load_settings(env(tmp_path, ""))
    assert settings.host == "127.0.0.1"
    assert settings.auth is Auth.OFF
    assert settings.models_path == settings.data_dir / "models"
    assert settings.resolved_database_url.startswith("sqlite:////")


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="KENAL_TRESHOLD"):
        load_settings(env(tmp_path, "KENAL_TRESHOLD=0.5\nOTHER=1\n"))


@pytest.mark.parametrize(
    "text",
    [
        "KENAL_PORT=99999",
        "KENAL_THRESHOLD=2",
        "KENAL_MAX_UPLOAD_MB=0",
        "KENAL_AUTH=maybe",
        "KENAL_HOST=0.0.0.0\nKENAL_AUTH=off",
        "KENAL_TRUSTED_PROXIES=-1",
        "KENAL_FTP_ENABLED=true",
        "KENAL_FTP_PASSIVE_PORTS=5-1",
        "KENAL_DOMINANT_FACE=1",
    ],
)
def test_values_out_of_bounds_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError):
        load_settings(env(tmp_path, text))


def test_auth_off_stays_on_loopback(tmp_path: Path) -> None:
    assert load_settings(env(tmp_path, "KENAL_HOST=::1")).auth is Auth.OFF
    open_host = env(tmp_path, "KENAL_HOST=0.0.0.0\nKENAL_AUTH=required")
    assert load_settings(open_host).auth is Auth.REQUIRED


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "kenal.example.org"])
@pytest.mark.parametrize("auth", ["", "KENAL_AUTH="])
def test_other_machines_need_keys_unless_told(tmp_path: Path, host: str, auth: str) -> None:
    assert load_settings(env(tmp_path, f"KENAL_HOST={host}\n{auth}")).auth is Auth.REQUIRED


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_an_empty_auth_is_unset(tmp_path: Path, host: str) -> None:
    assert load_settings(env(tmp_path, f"KENAL_HOST={host}\nKENAL_AUTH=")).auth is Auth.OFF
    assert load_settings(env(tmp_path, "KENAL_AUTH=")).auth is Auth.OFF


def test_the_environment_wins_for_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KENAL_HOST", "0.0.0.0")
    assert load_settings(env(tmp_path, "KENAL_HOST=127.0.0.1")).auth is Auth.REQUIRED
    with pytest.raises(SettingsError, match="loopback"):
        load_settings(env(tmp_path, "KENAL_AUTH=off"))


def test_empty_values_are_unset(tmp_path: Path) -> None:
    settings = load_settings(env(tmp_path, "KENAL_THRESHOLD=\nKENAL_DOMINANT_FACE=\n"))
    assert settings.threshold is None
    assert settings.dominant_face is None


def test_the_password_is_in_no_error_and_no_repr(tmp_path: Path) -> None:
    text = "KENAL_FTP_PASSWORD=s3cret\nKENAL_FTP_PORT=none"
    with pytest.raises(SettingsError) as refused:
        load_settings(env(tmp_path, text))
    assert "s3cret" not in str(refused.value)
    assert "s3cret" not in repr(load_settings(env(tmp_path, "KENAL_FTP_PASSWORD=s3cret")))


def test_a_photo_a_core_unless_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    assert load_settings(env(tmp_path, "")).working_photos == 3
    assert load_settings(env(tmp_path, "KENAL_PHOTOS_AT_ONCE=1")).working_photos == 1
