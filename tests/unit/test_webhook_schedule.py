"""When a delivery is tried again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from pipeline.webhooks.lane import outcome
from pipeline.webhooks.post import Answer
from pipeline.webhooks.schedule import MAX_AGE, MAX_ATTEMPTS, asked_pause, pause, rest

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)


def test_about_ten_attempts_in_about_a_day() -> None:
    pauses = [pause(number) for number in range(1, MAX_ATTEMPTS)]
    assert pauses[0] < 7
    assert all(later > earlier * 0.8 for earlier, later in pairwise(pauses))
    assert timedelta(hours=20) < timedelta(seconds=sum(pauses)) < MAX_AGE
    assert pause(99) >= pauses[-1] * 0.8


def test_what_failed_together_is_not_tried_together() -> None:
    assert len({pause(3) for _ in range(20)}) > 10


def test_a_rest_grows_to_a_minute() -> None:
    assert [rest(n) for n in (1, 2, 3, 50, 5000)] == [2, 4, 8, 60, 60]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("120", 120),
        (" 7 ", 7),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("٣", 0),
        ("9" * 5000, 3600),
        ("99999", 3600),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0),
        (format_datetime(NOW + timedelta(days=400), usegmt=True), 3600),
        ("Mon, 05 Jan 2026 08:00:30", 0),
    ],
)
def test_retry_after(header: str | None, seconds: float) -> None:
    assert asked_pause(header, NOW) == seconds


def test_a_short_retry_after_does_not_hasten() -> None:
    ended = outcome(4, Answer(503, "x", "1"), NOW, 1)
    assert ended.retry_at is not None
    assert ended.retry_at - NOW >= timedelta(minutes=10)
