"""Events, visits, clocks and a server that answers as told, for tests of the agent."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge.facts import Facts
from edge.outbox import Bounds, Event, Outbox
from edge.sender import Sender
from edge.types import Face, Frame, Visit
from edge.verdict import Kind, Verdict

PLENTY = Bounds(10_000, 10**9, 30 * 86400.0)
FACE = Face((1, 2, 3, 4), ((1, 1), (2, 1), (1.5, 2), (1, 3), (2, 3)), 0.9)
MATCH = Verdict(Kind.TAKEN, "match", 201, grant=True, user_id="1042")
AWAY = Verdict(Kind.LATER, "the server cannot be reached")


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeServer:
    """Answers with what `answer` says, and remembers who was sent."""

    answer: Callable[[Event], Verdict] = lambda _: MATCH
    sent: list[str] = field(default_factory=list)

    def check_in(self, event: Event, within_seconds: float | None = None) -> Verdict:
        self.sent.append(event.event_id)
        return self.answer(event)


@dataclass
class Door:
    """A sender beside a fake server; `opened` counts."""

    sender: Sender
    server: FakeServer
    outbox: Outbox
    facts: Facts
    clock: Clock
    wall: Clock
    opened: list[float]


def event(number: int = 0, size: int = 100) -> Event:
    """An event of its own."""
    return Event(str(uuid.uuid4()), 1_700_000_000.0 + number, "", bytes([number % 255 + 1]) * size)


def outbox_in(folder: Path, bounds: Bounds = PLENTY) -> Outbox:
    return Outbox(folder, bounds)


def visit(captured_monotonic: float = 1000.0, captured_at: float = 1_700_000_000.0) -> Visit:
    """A visit that the gate lets through."""
    image = np.zeros((4, 4, 3), dtype=np.uint8)
    frame = Frame(image, 1, captured_at, captured_monotonic)
    return Visit(1, frame, FACE, 1.0, b"a picture", captured_at)


def door(folder: Path, answer: Callable[[Event], Verdict] = lambda _: MATCH) -> Door:
    """Nothing is sent until its steps are called."""
    clock, wall, opened = Clock(), Clock(1_700_000_000.0), list[float]()
    server, facts, outbox = FakeServer(answer), Facts(10.0), outbox_in(folder)
    sender = Sender(outbox, server, facts, lambda: opened.append(clock()), clock=clock, wall=wall)
    return Door(sender, server, outbox, facts, clock, wall, opened)
