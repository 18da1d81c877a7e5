"""`python -m edge check`: what is wrong with camera, server, key, clock, disk and relay."""

import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import urlsplit

from edge.active import KEY_REFUSED, refusal_of
from edge.agent import words_of
from edge.client import Client, rfc3339
from edge.heartbeat import SKEW_ALARM_SECONDS, VERSION, told_of
from edge.sections import Config
from edge.types import Camera
from edge.verdict import KEY_WORDS, NO_KEYS, Reply, key_word, refuses_machine

_CAMERA_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `is_bad`: the door will not work like this."""

    what: str
    word: str
    is_bad: bool = False


def check_server(config: Config) -> Iterator[Finding]:
    """Reachable, the key valid and of this device, the clocks alike."""
    if urlsplit(config.server.url).scheme == "http":
        yield Finding("server", "plain http: whoever is on the network can open the door")
    try:
        client = Client(config.server)
    except OSError as error:
        yield Finding("server", f"server.ca_file cannot be used: {error.strerror}", True)
        return
    try:
        found = list(_asked(client))
    finally:
        client.close()
    yield from found
    is_accepted = any(one.what == "key" and not one.is_bad for one in found)
    if not is_accepted and refusal_of(config.outbox.folder, config.server).exists():
        yield Finding("key", KEY_REFUSED, True)


def _asked(client: Client) -> Iterator[Finding]:
    health = client.health()
    if isinstance(health, str) or health.status != 200 or health.json.get("status") != "alive":
        yield Finding("server", _health_words(health), True)
        return
    yield Finding("server", "reachable")
    request_id, sent_at, began = str(uuid.uuid4()), time.time(), time.monotonic()
    body = {"clock": rfc3339(sent_at), "version": VERSION}
    reply = client.heartbeat(body, request_id)
    yield from judged_heartbeat(reply, request_id, sent_at, time.monotonic() - began)


def _health_words(health: Reply | str) -> str:
    if isinstance(health, str):
        return health
    return NO_KEYS if refuses_machine(health) else "what answers is no Kenal server"


def judged_heartbeat(
    reply: Reply | str, request_id: str, sent_at: float, seconds: float
) -> Iterator[Finding]:
    """Key, device and clock, by the answer to a heartbeat; pure."""
    if isinstance(reply, str):
        yield Finding("key", reply, True)
        return
    told = told_of(reply, request_id, sent_at, seconds)
    if told is None:
        yield Finding("key", _key_words(reply, request_id), True)
        return
    yield Finding("key", "accepted for this device")
    if not told.is_active:
        yield Finding("device", "an admin switched this device off: it opens nothing", True)
    is_off = abs(told.skew_seconds) > SKEW_ALARM_SECONDS
    yield Finding("clock", f"{told.skew_seconds:+.2f} s beside the server's", is_off)


def _key_words(reply: Reply, request_id: str) -> str:
    if key_word(reply, request_id) is False:
        return f"{KEY_WORDS[reply.status]}: nothing opens until it is"
    words = dict.fromkeys(KEY_WORDS, f"an answer that is not Kenal's ({reply.status})")
    words[404] = "the server does not know server.device_id"
    return words.get(reply.status, f"the server answered {reply.status} to a heartbeat")


def check_disk(config: Config) -> Finding:
    """Whether the outbox can be written and may grow to its bound."""
    folder = config.outbox.folder
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with NamedTemporaryFile(dir=folder) as probe:
            probe.write(b"kenal")
            probe.flush()
        free = _free_bytes(folder)
    except OSError as error:
        return Finding("disk", f"outbox.folder cannot be written: {error.strerror}", True)
    megabytes = free / 1e6
    # Deleting needs room too: the log of the database.
    is_bad = megabytes < 50
    word = f"{megabytes:.0f} MB free"
    if megabytes < config.outbox.max_megabytes * 1.2:
        word += f", less than outbox.max_megabytes ({config.outbox.max_megabytes:g}) can need"
    return Finding("disk", word, is_bad)


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def check_camera(
    camera: Camera, seconds: float = _CAMERA_SECONDS, clock: Callable[[], float] = time.monotonic
) -> Finding:
    """Whether a frame comes."""
    until = clock() + seconds
    try:
        camera.open()
        while clock() < until:
            frame = camera.read()
            if frame is not None:
                height, width = frame.image.shape[:2]
                return Finding("camera", f"{width}x{height}, {camera.status()}")
            time.sleep(0.02)
        return Finding("camera", f"no frame came: {camera.status()}", True)
    except OSError as error:
        return Finding("camera", words_of(error), True)
    finally:
        camera.close()
