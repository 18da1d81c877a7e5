"""The sections of the settings, with defaults and bounds; read by edge/config.py."""

from dataclasses import dataclass, field
from pathlib import Path

from edge.settings_fields import Secret, bounded, counted

LOOPBACK = ("127.0.0.1", "::1", "localhost")


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
    search_px: int = counted(320, 160, 1920)  # more finds smaller faces, and costs as much more
    on_server: bool = False  # for devices too weak: the server finds the faces of each frame


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Which frame of a visit is sent, and when another may be."""

    least_face_px: float = bounded(80, 20, 2000)
    least_sharpness: float = bounded(10, 0, 1e6)
    steady_seconds: float = bounded(0.4, 0, 5)
    window_seconds: float = bounded(1.2, 0, 5)
    cooldown_seconds: float = bounded(5, 0, 3600)
    tries: int = counted(2, 1, 10)  # pictures of one who is not recognized, at most
    zone: str = ""  # corners as parts of the frame: "0.2,0 0.8,0 0.8,1 0.2,1"; empty: everywhere


@dataclass(frozen=True, slots=True)
class RecognitionSettings:
    """Who recognizes: the server, or this device against its own gallery."""

    mode: str = "server"  # server, local
    network: Path | None = None  # MobileFaceNet's .onnx, or the manifest of another network
    threshold: float = bounded(0, 0, 1)  # 0: the network's own
    votes: int = counted(1, 1, 9)  # frames of a visit that must agree
    offline: str = "deny"  # deny, known, review: who is let in while the server is away
    sync: bool = True  # take the gallery from the server
    sync_seconds: float = bounded(60, 5, 86400)
    expires_hours: float = bounded(72, 0.01, 8760)


@dataclass(frozen=True, slots=True)
class RegisterSettings:
    """How people are registered at the device."""

    to: str = "local"  # local, server, both
    key: Secret = field(default=Secret(""))  # of scope enroll; the device's own may not
    samples: int = counted(5, 1, 20)
    countdown_seconds: float = bounded(3, 0, 30)


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
class SignalSettings:
    """Pins (BCM numbers) that tell who stands there how it went; each may be left out."""

    granted_pin: int | None = field(default=None, metadata={"bounds": (0, 53)})
    refused_pin: int | None = field(default=None, metadata={"bounds": (0, 53)})
    buzzer_pin: int | None = field(default=None, metadata={"bounds": (0, 53)})
    milliseconds: int = counted(800, 50, 5000)


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """A broker that is told what happens; without a host there is none. It never opens."""

    host: str = ""
    port: int = counted(1883, 1, 65535)
    username: str = ""
    password: Secret = field(default=Secret(""))
    tls: bool = False
    ca_file: Path | None = None
    topic: str = "kenal"
    discovery_prefix: str = "homeassistant"  # empty: no discovery


@dataclass(frozen=True, slots=True)
class PageSettings:
    """The live page."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = counted(8001, 1, 65535)
    password: Secret = field(default=Secret(""))
    max_viewers: int = counted(4, 1, 50)
    max_rate: float = bounded(10, 0.2, 30)  # frames a second


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set, and where systemd listens."""

    server: ServerSettings = field(default_factory=ServerSettings)
    camera: CameraSettings = field(default_factory=CameraSettings)
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    gate: GateSettings = field(default_factory=GateSettings)
    recognition: RecognitionSettings = field(default_factory=RecognitionSettings)
    register: RegisterSettings = field(default_factory=RegisterSettings)
    outbox: OutboxSettings = field(default_factory=OutboxSettings)
    relay: RelaySettings = field(default_factory=RelaySettings)
    signals: SignalSettings = field(default_factory=SignalSettings)
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    page: PageSettings = field(default_factory=PageSettings)
    notify_socket: str = field(default="", metadata={"internal": True})
