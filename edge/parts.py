"""Parts made as the settings say, each on its own."""

import time
from collections.abc import Callable

from edge.cameras.choose import camera
from edge.detection import Detector, detector
from edge.gate import Rules
from edge.mqtt.publisher import Mqtt
from edge.outbox import Bounds, Outbox
from edge.pipeline import Watcher
from edge.remote.detector import RemoteDetector
from edge.remote.names import Names
from edge.sections import Config
from edge.types import Camera
from edge.zone import zone_of


def camera_of(config: Config, *, patient: bool = True) -> Camera:
    """The camera of the settings, not opened yet; `patient`: one that is away is waited for."""
    size = config.camera.width, config.camera.height
    return camera(config.camera.spec.text, size, patient=patient)


def remote_of(
    config: Config, names: Names, wall: Callable[[], float] = time.time
) -> RemoteDetector | None:
    """The server as detector, which tells `names` whose faces it found; None where it is not.

    `wall` is as nearly the server's clock as can be: it drops frames that look old.
    """
    if not config.detector.on_server:
        return None
    return RemoteDetector(config.server, names.named, wall=wall)


def detector_of(config: Config) -> Detector:
    """What finds faces on the device; raises DetectorError."""
    seen = config.detector
    return detector(seen.model, seen.least_confidence, seen.search_px)


def rules_of(config: Config) -> Rules:
    """The gate's rules."""
    gate, votes = config.gate, _votes(config)
    return Rules(
        least_face_px=gate.least_face_px,
        least_confidence=config.detector.least_confidence,
        least_sharpness=gate.least_sharpness,
        steady_s=gate.steady_seconds,
        window_s=gate.window_seconds,
        cooldown_s=gate.cooldown_seconds,
        least_sights=max(Rules().least_sights, votes),
        kept=votes,
        zone=zone_of(gate.zone),
    )


def watcher_of(config: Config, remote: RemoteDetector | None = None) -> Watcher:
    """Detection, on the server where `remote` is given, and gate; raises DetectorError."""
    return Watcher(remote or detector_of(config), rules_of(config))


def outbox_of(config: Config) -> Outbox:
    """The queue of the settings."""
    kept = config.outbox
    size, seconds = round(kept.max_megabytes * 1e6), kept.max_days * 86400
    return Outbox(kept.folder, Bounds(kept.max_events, size, seconds))


def mqtt_of(config: Config) -> Mqtt | None:
    """The broker's part, not started; None where no broker is named."""
    if not config.mqtt.host:
        return None
    name = config.server.device_id or "door"
    return Mqtt(config.mqtt, name, name)


def _votes(config: Config) -> int:
    recognition = config.recognition
    return recognition.votes if recognition.mode == "local" else 1
