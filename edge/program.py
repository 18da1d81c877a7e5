"""The parts put together: the one place that knows them all."""

import logging
import signal
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack, suppress
from types import FrameType

from edge.active import active_in
from edge.agent import Agent
from edge.alone import alone
from edge.board import Board
from edge.entry import Entry
from edge.facts import Facts
from edge.local_door import LocalDoor
from edge.local_parts import Local, circumstances_of, local_of
from edge.outbox import Claim, Event
from edge.page_parts import page_of
from edge.parts import camera_of, mqtt_of, remote_of, watcher_of
from edge.recognition.policy import Circumstances
from edge.relay import Relay, relay_of
from edge.remote.names import Names
from edge.resuming import resumer_of
from edge.retakes import Retakes
from edge.sections import Config
from edge.sending import Connection, sending
from edge.signals import signals_of
from edge.status import Reporter, Status
from edge.systemd import Notifier
from edge.telling import Teller
from edge.types import Camera, Visit
from edge.verdict import Kind, Verdict
from edge.watching import Watching

log = logging.getLogger("edge")


def run(config: Config) -> None:
    """Until SIGTERM or SIGINT; the relay is closed before anything else and whatever happens."""
    stop, told = threading.Event(), Notifier(config.notify_socket)
    with ExitStack() as stack:
        stack.enter_context(alone(config.outbox.folder))
        relay = relay_of(config.relay)
        if relay is not None:
            stack.callback(relay.close)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stopper(stop))
        door, camera = Door(config, relay, stack), camera_of(config)
        status = door.status(camera)
        reporter = Reporter(status)
        reporter.start()
        stack.callback(reporter.stop)
        door.resume_registrations(stack)
        board, local = door.board, door.local
        page = page_of(config, board, status.rows, local, stop=stop, registered=door.registered)
        stack.enter_context(page)
        told.ready()
        stack.callback(told.stopping)
        if relay is not None:
            stack.callback(relay.close)  # first of all, and again at the end
        Agent(camera, door.watching, door.offer, told.alive).run(stop)


class Door:
    """Everything behind the camera, at work until `stack` ends."""

    def __init__(self, config: Config, relay: Relay | None, stack: ExitStack) -> None:
        """Raises what the parts raise that cannot be made."""
        self._config, self._relay = config, relay
        self.board, self._retakes = Board(), Retakes(config.gate.tries)
        self._mqtt, names = mqtt_of(config), Names()
        self._connection: Connection | None = None
        self._remote = remote_of(config, names, self._server_time)
        if self._remote is not None:
            stack.callback(self._remote.close)
        watcher = watcher_of(config, self._remote)
        self.watching = Watching(watcher, self._retakes, self.board, names)
        self.local = stack.enter_context(local_of(config))
        self._teller = self._telling(stack)
        self._active = active_in(config.outbox.folder)
        is_local = config.recognition.mode == "local"
        if config.server.url:
            answered = self._recorded if is_local else self._answered
            # The server's answers open nothing where the device decides.
            opens = None if is_local or relay is None else relay.pulse
            going = sending(config, opens, answered, self._active.heard)
            self._connection = stack.enter_context(going)
        self._circumstances: Callable[[], Circumstances] | None = None
        self._decider = self._deciding(self.local, stack) if is_local and self.local else None

    def offer(self, visit: Visit) -> None:
        """Somebody stands there; raises nothing."""
        try:
            self._offer(visit)
        except Exception as error:  # noqa: BLE001 - one visit is no reason to end the door
            log.critical("a visit was lost: %s", type(error).__name__)

    def _offer(self, visit: Visit) -> None:
        if self._decider is not None:
            event_id, decision = self._decider.offer(visit)
            self._retakes.sent(event_id, visit.track_id)
            self._retakes.answered(event_id, decision)
        elif self._connection is not None:
            event_id = str(uuid.uuid4())
            self._teller.asked(event_id, visit)
            self._retakes.sent(event_id, visit.track_id)
            self._connection.sender.offer(visit, event_id=event_id)

    def registered(self) -> None:
        """Somebody was registered here, and mostly stands there still: is looked at again."""
        if self.local is not None:
            with suppress(sqlite3.Error):  # else with the reporter's next look
                self.local.recognizer.refresh()
        scene = self.board.scene()
        if scene is not None:
            self._retakes.again(track.id for track in scene.tracks)

    def resume_registrations(self, stack: ExitStack) -> None:
        """Begins to send the registrations that wait for the server, where some can."""
        connection = self._connection
        resumer = resumer_of(self._config, self.local, connection.answers) if connection else None
        if resumer is not None:
            resumer.start()
            stack.callback(resumer.stop)

    def status(self, camera: Camera) -> Status:
        """For whoever looks."""
        return Status(
            self._config,
            camera,
            self._connection,
            self.local,
            self._circumstances,
            self._mqtt,
            self._remote,
        )

    def _server_time(self) -> float:
        skew = self._connection.facts.skew_seconds if self._connection else None
        return time.time() - (skew or 0.0)

    def _telling(self, stack: ExitStack) -> Teller:
        lamps = signals_of(self._config.signals)
        if lamps is not None:
            stack.callback(lamps.close)
        if self._mqtt is None:
            return Teller(self.board, lamps)
        self._mqtt.start()
        stack.callback(self._mqtt.stop)
        mqtt = self._mqtt
        if self._relay is not None:
            mqtt.state("door", "closed")  # it is: nobody was let in yet
            self._relay.said = lambda is_open: mqtt.state("door", "open" if is_open else "closed")
        return Teller(self.board, lamps, mqtt.event)

    def _deciding(self, local: Local, stack: ExitStack) -> LocalDoor:
        if local.sync is not None:
            local.sync.start()
            stack.callback(local.sync.stop)
        connection = self._connection
        self._circumstances = circumstances_of(
            self._config,
            local,
            connection.facts if connection else Facts(self._config.server.fresh_seconds),
            connection.answers if connection else lambda: True,
            active=self._active,
            key=connection.key if connection else None,
        )
        return LocalDoor(
            local.recognizer,
            self._config.recognition,
            connection.sender if connection else NoRecords(),
            circumstances=self._circumstances,
            open_door=None if self._relay is None else self._relay.pulse,
            ruled=self._teller.ruled,
            fresh_seconds=self._config.server.fresh_seconds,
        )

    def _answered(self, event: Event, verdict: Verdict, entry: Entry) -> None:
        self._teller.answered(event, verdict, entry)
        # No name: the server knows who it was, and logs are read by many.
        if verdict.kind in (Kind.TAKEN, Kind.REFUSED):
            log.info("event %s: %s, opened: %s", event.event_id, verdict.word, entry)
            self._retakes.answered(event.event_id, verdict.word)

    def _recorded(self, event: Event, verdict: Verdict, _entry: Entry) -> None:
        if verdict.kind in (Kind.TAKEN, Kind.REFUSED):
            log.info("event %s is on the server: %s", event.event_id, verdict.word)


class NoRecords:
    """For a door without a server: what happens is in the log and on the live page."""

    keeps = True

    def offer(self, visit: Visit, claim: Claim = (), *, is_held: bool = False) -> str:
        """A new event_id."""
        del visit, claim, is_held
        return str(uuid.uuid4())

    def release(self, event_id: str, claim: Claim) -> None:
        """Nothing to send."""


def _stopper(stop: threading.Event) -> Callable[[int, FrameType | None], None]:
    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    return handle
