"""A door opens by a fresh picture only, whatever the server's own clocks do meanwhile."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from flask.testing import FlaskClient

from pipeline import checkins as taking
from tests.api.kit import enroll
from tests.checkin_kit import add_door, checked_in
from tests.fakes import portrait


@pytest.mark.parametrize(("seconds", "reason"), [(0, None), (60, "slow"), (-60, None)])
def test_the_clock_jumps_or_the_machine_is_paused(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, seconds: float, reason: str | None
) -> None:
    enroll(client, "1042", portrait(5))
    add_door(client)
    # Of a machine that was paused, the monotonic clock stood still meanwhile.
    leaps = iter([0.0, seconds, seconds])
    clock = SimpleNamespace(now=lambda zone: datetime.now(zone) + timedelta(seconds=next(leaps)))
    monkeypatch.setattr(taking, "datetime", clock)
    told = checked_in(client, portrait(5))
    assert (told["grant"], told["reason"], told["late"]) == (reason is None, reason, False)
