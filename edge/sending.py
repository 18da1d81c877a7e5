"""The way to the server put together: queue, sender and heartbeats."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edge.client import Client
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

    def answers(self) -> bool:
        """Whether the server answered when it was last asked."""
        return self.beats.is_answered and not self.sender.pause.is_away


@contextmanager
def sending(
    config: Config,
    open_door: Callable[[], None],
    answered: Answered,
    active: Callable[[bool], None] = lambda _: None,
) -> Iterator[Connection]:
    """At work until the end; `active` is told whether an admin lets this device open."""
    client, outbox = Client(config.server), outbox_of(config)
    facts = Facts(config.server.fresh_seconds)
    direction = config.server.direction
    sender = Sender(outbox, client, facts, open_door, answered=answered, direction=direction)
    beats = Heartbeat(
        client, facts, lambda: outbox.waiting()[0], sender.server_answers, active=active
    )
    sender.start()
    beats.start()
    try:
        yield Connection(sender, outbox, beats, facts)
    finally:
        beats.stop()
        sender.stop()
        client.close()
        outbox.close()
