"""The parts put together: the one place that knows them all."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from edge.agent import Agent
from edge.cameras.choose import camera
from edge.client import Client
from edge.detection import detector
from edge.facts import Facts
from edge.gate import Rules
from edge.heartbeat import Heartbeat
from edge.outbox import Bounds, Event, Outbox
from edge.pipeline import Watcher
from edge.relay import Relay, relay_of
from edge.retakes import Retakes
from edge.sections import Config
from edge.sender import Answered, Sender
from edge.systemd import Notifier
from edge.types import Camera, Frame, Visit
from edge.verdict import Kind, Verdict
from edge.zone import zone_of

log = logging.getLogger("edge")


def camera_of(config: Config, *, patient: bool = True) -> Camera:
    """The camera of the settings, not opened yet; `patient`: one that is away is waited for."""
    size = config.camera.width, config.camera.height
    return camera(config.camera.spec.text, size, patient=patient)


def watcher_of(config: Config) -> Watcher:
    """Detection and gate of the settings; raises DetectorError."""
    gate, least_confidence = config.gate, config.detector.least_confidence
    rules = Rules(
        least_face_px=gate.least_face_px,
        least_confidence=least_confidence,
        least_sharpness=gate.least_sharpness,
        steady_s=gate.steady_seconds,
        window_s=gate.window_seconds,
        cooldown_s=gate.cooldown_seconds,
        zone=zone_of(gate.zone),
    )
    seen = config.detector
    return Watcher(detector(seen.model, least_confidence, seen.search_px), rules)


def outbox_of(config: Config) -> Outbox:
    """The queue of the settings."""
    kept = config.outbox
    size, seconds = round(kept.max_megabytes * 1e6), kept.max_days * 86400
    return Outbox(kept.folder, Bounds(kept.max_events, size, seconds))


class Retaking:
    """A watcher that looks again at whom the server could not see."""

    def __init__(self, watcher: Watcher, retakes: Retakes) -> None:
        self._watcher, self._retakes = watcher, retakes

    def feed(self, frame: Frame) -> list[Visit]:
        """The visits that this frame ends."""
        for track_id in self._retakes.due():
            self._watcher.again(track_id)
        return self._watcher.feed(frame)


def run(config: Config) -> None:
    """Until SIGTERM or SIGINT; the relay is closed before anything else and whatever happens."""
    stop, told = threading.Event(), Notifier(config.notify_socket)
    with ExitStack() as stack:
        relay = relay_of(config.relay)
        if relay is not None:
            stack.callback(relay.close)
        retakes = Retakes(config.gate.tries)
        watcher = Retaking(watcher_of(config), retakes)
        sender = stack.enter_context(sending(config, relay, _answered(retakes)))

        def offer(visit: Visit) -> None:
            retakes.sent(sender.offer(visit), visit.track_id)

        agent = Agent(camera_of(config), watcher, offer, told.alive)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stopper(stop))
        told.ready()
        stack.callback(told.stopping)
        if relay is not None:
            stack.callback(relay.close)  # first of all, and again at the end
        agent.run(stop)


@contextmanager
def sending(config: Config, relay: Relay | None, answered: Answered) -> Iterator[Sender]:
    """Queue, sender and heartbeats at work, until the end."""
    client, outbox = Client(config.server), outbox_of(config)
    facts = Facts(config.server.fresh_seconds)
    open_door = relay.pulse if relay is not None else _no_relay
    direction = config.server.direction
    sender = Sender(outbox, client, facts, open_door, answered=answered, direction=direction)
    beats = Heartbeat(client, facts, lambda: outbox.waiting()[0], sender.server_answers)
    sender.start()
    beats.start()
    try:
        yield sender
    finally:
        beats.stop()
        sender.stop()
        client.close()
        outbox.close()


def _answered(retakes: Retakes) -> Answered:
    def say(event: Event, verdict: Verdict, opened: bool) -> None:
        # No name: the server knows who it was, and logs are read by many.
        if verdict.kind in (Kind.TAKEN, Kind.REFUSED):
            log.info("event %s: %s, opened: %s", event.event_id, verdict.word, opened)
            retakes.answered(event.event_id, verdict.word)

    return say


def _no_relay() -> None:
    log.info("granted; there is no relay")


def _stopper(stop: threading.Event) -> Callable[[int, FrameType | None], None]:
    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    return handle
