"""Case 83 at the door: the wall clock leaps while somebody is watched, and nothing else changes.

From the camera's frames through tracking, gate and sender to the relay; that freshness and the
queue do not heed the wall is in test_faults_server.py.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from edge.agent import Agent
from edge.pipeline import Watcher
from edge.quality import Look
from edge.types import Face, Frame, Pixels, Visit
from tests.edge.agent_kit import Door, door
from tests.edge.sights import SIZE, face, person

STEP = 0.1
HOUR, YEAR = 3600.0, 365 * 86400.0
LEAPS = [-YEAR, -HOUR, -1.5, 1.5, HOUR, YEAR]
STAYS = {1: (1.0, 4.0), 2: (4.5, 7.0), 3: (12.0, 12.4)}
"""Who stands there from when to when; the last looks up for a moment only."""
MOMENTS = [0.5, 1.2, 1.3, 1.6, 3.0, 4.2, 4.6, 5.0, 9.0, 12.2, 12.6]
"""Before somebody comes, while the best picture is waited for, after it was sent, in between."""


@dataclass
class Street:
    """Camera, detector and looks of one scene, by the steady clock alone."""

    own: Door
    image: Pixels = field(
        default_factory=lambda: np.random.default_rng(1).integers(0, 255, (*SIZE, 3), np.uint8)
    )
    number: int = 0

    @property
    def who(self) -> int | None:
        since = self.own.clock.now - 1000.0
        return next((one for one, (a, b) in STAYS.items() if a <= since < b), None)

    def open(self) -> None:
        """Nothing to open."""

    def read(self) -> Frame:
        self.number += 1
        return Frame(self.image, self.number, self.own.wall(), self.own.clock())

    def close(self) -> None:
        """Nothing to close."""

    def status(self) -> str:
        return "ok"

    def find(self, _image: Pixels) -> list[Face]:
        return [] if self.who is None else [face()]

    def look(self, _image: Pixels, _face: Face) -> Look:
        return person(self.who or 0)


def evening(folder: Path, leaps: dict[float, float]) -> tuple[Door, list[Visit]]:
    """Fourteen seconds at a door at which the server lets everybody in; `leaps` by moment."""
    own, visits = door(folder), list[Visit]()
    own.wall.now = own.clock.now  # until the leap, whoever took one for the other got away with it
    street = Street(own)

    def offer(seen: Visit) -> None:
        visits.append(seen)
        own.sender.offer(seen)

    watcher = Watcher(street, looks=street.look)
    agent = Agent(street, watcher, offer, lambda: None, clock=own.clock)
    left = sorted(leaps.items())
    for _ in range(round(14 / STEP)):
        if left and own.clock.now - 1000.0 >= left[0][0]:
            own.wall.now += left.pop(0)[1]
        agent.step()
        own.sender.step_live()
        own.sender.step_old()
        own.clock.now, own.wall.now = own.clock.now + STEP, own.wall.now + STEP
    assert not left
    assert agent.stale == 0
    return own, visits


def told(own: Door, visits: list[Visit]) -> tuple[list[int], list[int], list[float]]:
    """What must be the same: which frames of whom were sent, and when the door opened."""
    return [one.frame.number for one in visits], [one.track_id for one in visits], own.opened


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[list[int], list[int], list[float]]:
    seen = told(*evening(tmp_path_factory.mktemp("steady"), {}))
    assert len(seen[0]) == len(seen[2]) == len(STAYS), "everybody comes in once"
    return seen


@pytest.mark.parametrize("shift", LEAPS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_leap_changes_neither_who_is_sent_nor_when_it_opens(
    tmp_path: Path,
    undisturbed: tuple[list[int], list[int], list[float]],
    moment: float,
    shift: float,
) -> None:
    own, visits = evening(tmp_path, {moment: shift})
    assert told(own, visits) == undisturbed
    assert own.outbox.waiting()[0] == 0
    # What the server is told is the wall's time of that very frame, leapt or not.
    for seen in visits:
        steady = seen.frame.captured_monotonic - 1000.0
        leapt = shift if steady >= moment - STEP / 2 else 0.0
        assert seen.captured_at == pytest.approx(1000.0 + steady + leapt, abs=0.01)


@pytest.mark.parametrize("shift", LEAPS)
def test_a_clock_that_leaps_to_and_fro_neither(
    tmp_path: Path, undisturbed: tuple[list[int], list[int], list[float]], shift: float
) -> None:
    leaps = {moment: shift if number % 2 else -shift for number, moment in enumerate(MOMENTS)}
    assert told(*evening(tmp_path, leaps)) == undisturbed
