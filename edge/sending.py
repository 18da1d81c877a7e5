"""The way to the server put together: queue, sender and heartbeats."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from edge.active import KEY_REFUSED, Allowed, key_in
from edge.client import Client
from edge.entry import OpenDoor
from edge.facts import Facts
from edge.heartbeat import Heartbeat
from edge.outbox import Outbox
from edge.parts import outbox_of
from edge.sections import Config
from edge.sender import Answered, Sender


@dataclass(frozen=True, slots=True)
class Connection:
    """What goes to the server, at work."""

    sender: Sender
    outbox: Outbox
    beats: Heartbeat
    facts: Facts
    key: Allowed

    def waiting(self) -> int | None:
        """How many events wait; None where the queue cannot be read."""
        try:
            return self.outbox.waiting()[0]
        except sqlite3.Error:
            return None

    @property
    def problem(self) -> str | None:
        """What is wrong with the server or between it and this device, in words."""
        refused = self.sender.pause.alarm
        said = self.beats.problem or (f"events are refused: {refused}" if refused else None)
        if self.key:
            return said
        return f"{said}; {KEY_REFUSED}" if said else KEY_REFUSED

    def answers(self) -> bool:
        """Whether the server answered when it was last asked."""
        return self.beats.is_answered and not self.sender.pause.is_away


@contextmanager
def sending(
    config: Config,
    open_door: OpenDoor | None,
    answered: Answered,
    active: Callable[[bool], None] = lambda _: None,
) -> Iterator[Connection]:
    """At work until the end; `active` is told whether an admin lets this device open."""
    with ExitStack() as stack:
        key = key_in(config.outbox.folder, config.server)
        client = Client(config.server, key.heard)
        stack.callback(client.close)
        outbox = outbox_of(config)
        stack.callback(outbox.close)
        facts, direction = Facts(config.server.fresh_seconds), config.server.direction
        sender = Sender(outbox, client, facts, open_door, answered=answered, direction=direction)
        beats = Heartbeat(
            client, facts, lambda: connection.waiting() or 0, sender.server_answers, active=active
        )
        connection = Connection(sender, outbox, beats, facts, key)
        stack.callback(sender.stop)
        sender.start()
        stack.callback(beats.stop)
        beats.start()
        yield connection
