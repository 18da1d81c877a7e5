"""Everything that `python -m edge check` looks at, in the order in which it matters."""

import importlib.util
import sqlite3
import uuid
from collections.abc import Iterator

from edge.checks import Finding, check_camera, check_disk, check_server
from edge.detection import DetectorError
from edge.local_parts import local_of, network_of
from edge.parts import camera_of, detector_of
from edge.recognition.gallery_client import GalleryClient
from edge.recognition.manifest import NetworkError
from edge.recognition.storage import GalleryError
from edge.relay import RelayFailed, relay_of
from edge.sections import Config

_REFUSED = {
    "forbidden": "an admin must allow this device to hold the gallery: holds_gallery",
    "network_not_served": "the server does not embed for this network: KENAL_DEVICE_NETWORKS",
    "unauthorized": "server.key is not valid",
}


def findings(config: Config) -> Iterator[Finding]:
    """One after another, as they are found; the door is closed at the end."""
    yield check_disk(config)
    yield check_camera(camera_of(config, patient=False))
    yield _detector(config)
    yield from _recognition(config)
    if config.server.url:
        yield from check_server(config)
        yield from _gallery_of_server(config)
    yield from _registering(config)
    yield from _packages(config)
    yield _relay(config)


def _detector(config: Config) -> Finding:
    if config.detector.on_server:
        return Finding("detector", "the server's")
    try:
        detector_of(config)
    except DetectorError as error:
        return Finding("detector", str(error), True)
    return Finding("detector", "loaded")


def _recognition(config: Config) -> Iterator[Finding]:
    if config.recognition.network is None:
        return
    try:
        with local_of(config) as local:
            if local is None:
                return
            people = local.recognizer.people
    except (NetworkError, DetectorError) as error:
        yield Finding("network", str(error), True)
        return
    except GalleryError as error:
        yield Finding("gallery", str(error), True)
        return
    except (sqlite3.Error, OSError):
        yield Finding("gallery", "the gallery in outbox.folder cannot be opened", True)
        return
    yield Finding("network", f"loaded, threshold {local.recognizer.rule.threshold:.2f}")
    is_empty = people == 0 and config.recognition.mode == "local"
    word = "nobody is known here yet" if people == 0 else f"{people} people"
    yield Finding("gallery", word, is_empty and not config.recognition.sync)


def _gallery_of_server(config: Config) -> Iterator[Finding]:
    """Whether the server gives this device the gallery that it is to recognize from."""
    recognition = config.recognition
    if recognition.mode != "local" or not recognition.sync or recognition.network is None:
        return
    try:
        embedder, client = network_of(config), GalleryClient(config.server)
    except (NetworkError, DetectorError, OSError):
        return  # said already
    if embedder is None:
        return
    try:
        reply = client.page(embedder.network.sha256, None, str(uuid.uuid4()))
    finally:
        client.close()
    if isinstance(reply, str):
        yield Finding("sync", reply, True)
    elif reply.status == 200:
        yield Finding("sync", "the server gives its gallery")
    else:
        word = _REFUSED.get(reply.error_code or "", "no gallery of the server's")
        yield Finding("sync", f"{word} ({reply.status})", True)


def _registering(config: Config) -> Iterator[Finding]:
    if config.register.to != "local" and not config.register.key.text:
        yield Finding("register", "register.key must be given for register.to", True)


def _packages(config: Config) -> Iterator[Finding]:
    wanted = {"page": config.page.enabled and "waitress", "mqtt": config.mqtt.host and "paho"}
    for what, package in wanted.items():
        if package and importlib.util.find_spec(package) is None:
            yield Finding(what, f"edge/requirements-{what}.txt is not installed", True)


def _relay(config: Config) -> Finding:
    if config.relay.pin is None:
        return Finding("relay", "none: nothing opens")
    try:
        relay = relay_of(config.relay)
        if relay is not None:
            relay.close()
    except RelayFailed as error:
        return Finding("relay", str(error), True)
    return Finding("relay", "there, and closed")
