"""Kenal's settings: environment variables with the prefix KENAL_, also from a .env file."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.addresses import is_loopback
from core.cores import cores
from core.listed import names_of, ports_of

PREFIX = "KENAL_"


class SettingsError(Exception):
    """The settings cannot be used; the message names each one and what it may be."""


class Auth(StrEnum):
    REQUIRED = "required"
    OFF = "off"


class Device(StrEnum):
    """What networks run on."""

    CPU = "cpu"
    CUDA = "cuda"


class KeepPictures(StrEnum):
    """Which pictures of check-ins are kept."""

    NONE = "none"
    UNRECOGNIZED = "unrecognized"
    ALL = "all"


class EnrollMode(StrEnum):
    """How good a photo must be to be enrolled."""

    STANDARD = "standard"
    STRICT = "strict"


class Settings(BaseSettings):
    """Typed and bounded; see docs/settings.md, which a test keeps equal to this class."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port of the API.")
    workers: int = Field(1, ge=1, le=64, description="gunicorn worker processes.")
    threads: int = Field(
        8, ge=1, le=64, description="Threads of each worker beside one for each photo it takes."
    )
    photos_at_once: int = Field(
        0, ge=0, le=64, description="Photos that each worker works on at once; 0: one a core."
    )
    queue: int = Field(
        32, ge=0, le=1024, description="Photos that wait in each worker; more are `busy`."
    )
    data_dir: Path = Field(Path("var"), description="Database, index, prepared networks.")
    photo_dir: Path = Field(Path("photo_storage"), description="The drop folder.")
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in DATA_DIR.")
    model_dir: Path | None = Field(None, description="Prepared networks; empty: DATA_DIR/models.")
    embedder: str = Field(
        "auto", description="auto, facenet, dlib, mobilefacenet, or a custom network's id."
    )
    device_networks: str = Field(
        "", description="Networks that doors recognize with, like `mobilefacenet`; with commas."
    )
    device: Device = Field(
        Device.CPU, description="What networks run on: `cpu`, or `cuda` for an NVIDIA GPU."
    )
    threshold: float | None = Field(
        None,
        ge=-1,
        le=1,
        description="Least similarity of a match, on the scale of the network; empty: its own.",
    )
    margin: float = Field(
        0.02, ge=0, le=1, description="A second person this close to the best is `ambiguous`."
    )
    max_upload_mb: int = Field(20, ge=1, le=1024, description="Largest photo file, in MB.")
    max_image_mp: int = Field(64, ge=1, le=1024, description="Largest photo, in megapixels.")
    min_face_px: int = Field(
        40, ge=20, le=1000, description="Least width of a usable face, in pixels of the photo."
    )
    min_face_part: float = Field(
        0.03,
        ge=0,
        le=0.5,
        description="Least width of a usable face, as a part of the photo's longer side.",
    )
    dominant_face: float | None = Field(
        None,
        ge=1.5,
        le=100,
        description="Enroll a face this many times larger than any other; empty: refuse two faces.",
    )
    rescan_seconds: float = Field(
        60, ge=1, le=86400, description="Pause between two scans of the drop folder."
    )
    stable_seconds: float = Field(
        2, ge=0.1, le=600, description="A file unchanged for so long is taken as complete."
    )
    index_threads: int = Field(
        0, ge=0, le=256, description="Threads that build the index; 0: every core."
    )
    auth: Auth = Field(
        Auth.OFF,
        description="`required`, or `off` on a loopback HOST only; with another HOST `required`.",
    )
    trusted_proxies: int = Field(
        0, ge=0, le=8, description="Proxies in front whose X-Forwarded-For is believed."
    )
    rate_limit: str = Field(
        "6000/minute", description="Requests of one key, like `6000/minute; 200/second`; or `off`."
    )
    rate_limit_address: str = Field(
        "300/minute", description="Requests of one address that bring no valid key; or `off`."
    )
    rate_limit_storage: str = Field(
        "memory://", description="Where they are counted; `memory://` counts in each worker."
    )
    timezone: str = Field("UTC", description="Time zone of the days in attendance.")
    fresh_seconds: float = Field(
        10, ge=1, le=300, description="A check-in grants only if its picture is no older."
    )
    cooldown_seconds: float = Field(
        30, ge=0, le=86400, description="A person's next check-in at a device counts after so long."
    )
    keep_pictures: KeepPictures = Field(
        KeepPictures.NONE, description="Check-in pictures to keep: `none`, `unrecognized`, `all`."
    )
    keep_pictures_days: int = Field(
        30, ge=1, le=3650, description="Days after which a kept check-in picture is deleted."
    )
    enroll_mode: EnrollMode = Field(
        EnrollMode.STANDARD,
        description="`standard`, or `strict`: photos of doubtful quality are refused.",
    )
    webhook_private: bool = Field(
        False, description="Let webhooks go to private and loopback addresses."
    )
    ftp_enabled: bool = Field(False, description="Start Kenal's own FTP server.")
    ftp_host: str = Field("127.0.0.1", description="Address the FTP server listens on.")
    ftp_port: int = Field(2121, ge=0, le=65535, description="Port of the FTP server.")
    ftp_user: str = Field("kenal", min_length=1, description="FTP login name.")
    ftp_password: SecretStr = Field(SecretStr(""), description="FTP password; no default.")
    ftp_tls: bool = Field(False, description="FTPS with a certificate made at the first start.")
    ftp_passive_ports: str = Field("60000-60099", description="Ports for passive transfers.")
    log_level: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level."
    )
    log_json: bool = Field(False, description="One JSON object a line instead of text.")

    @field_validator("threshold", "model_dir", "dominant_face", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @model_validator(mode="before")
    @classmethod
    def _keys_for_other_machines(cls, values: dict[str, object]) -> dict[str, object]:
        if values.get("auth"):
            return values
        rest = {name: value for name, value in values.items() if name != "auth"}
        host = rest.get("host")
        if isinstance(host, str) and not is_loopback(host):
            return {**rest, "auth": Auth.REQUIRED}
        return rest

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise ValueError("a time zone is like Asia/Kuala_Lumpur") from None
        return value

    @model_validator(mode="after")
    def _open_only_on_loopback(self) -> Self:
        if self.auth is Auth.OFF and not is_loopback(self.host):
            raise ValueError("KENAL_AUTH=off is allowed only on a loopback KENAL_HOST")
        return self

    @model_validator(mode="after")
    def _ftp_has_password(self) -> Self:
        if self.ftp_enabled and not self.ftp_password.get_secret_value():
            raise ValueError("KENAL_FTP_ENABLED needs a KENAL_FTP_PASSWORD")
        self.passive_ports()
        return self

    @property
    def models_path(self) -> Path:
        return self.model_dir or self.data_dir / "models"

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{(self.data_dir / 'kenal.sqlite3').absolute()}"

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb * 1_000_000

    @property
    def max_image_pixels(self) -> int:
        return self.max_image_mp * 1_000_000

    @property
    def working_photos(self) -> int:
        """How many photos each worker works on at once."""
        return self.photos_at_once or cores()

    def passive_ports(self) -> range:
        """The FTP server's passive ports; raises ValueError where the text is no range of ports."""
        return ports_of(self.ftp_passive_ports)

    @property
    def device_network_names(self) -> tuple[str, ...]:
        """The networks that devices recognize with, each once."""
        return names_of(self.device_networks)


def load_settings(env_file: Path = Path(".env")) -> Settings:
    """The settings of this process; raises SettingsError, also for a KENAL_ name nobody knows."""
    given = {*os.environ, *dotenv_values(env_file)}
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    unknown = sorted(
        name for name in given if name.upper().startswith(PREFIX) and name.upper() not in known
    )
    if unknown:
        raise SettingsError(f"unknown settings: {', '.join(unknown)} (see docs/settings.md)")
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    # Never the given value: it may be the password.
    lines = [
        (PREFIX + str(item["loc"][0]).upper() + ": " if item["loc"] else "")
        + item["msg"].removeprefix("Value error, ")
        for item in error.errors(include_input=False, include_url=False)
    ]
    return "; ".join(lines)
