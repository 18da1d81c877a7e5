"""Moments as strangers write them."""

from datetime import UTC, datetime

import pytest

from core.moments import parse_moment


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05T08:00:00Z",
        "2026-01-05t08:00:00z",
        "2026-01-05 08:00:00+00:00",
        "2026-01-05T16:00:00.000+08:00",
        "2026-01-05T02:30:00.000000000-05:30",
    ],
)
def test_one_moment_in_many_forms(text: str) -> None:
    assert parse_moment(text) == datetime(2026, 1, 5, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-05",
        "2026-01-05T08:00Z",
        "2026-01-05T08:00:00",
        "2026-01-05T08:00:60Z",
        "2026-01-05T24:00:00Z",
        "2026-02-29T08:00:00Z",
        "2026-01-05T08:00:00+25:00",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "٢٠٢٦-01-05T08:00:00Z",
        "2026-W01-1T08:00:00Z",
        "2026-01-05T08:00:00Z\n",
    ],
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match="a moment is like"):
        parse_moment(text)
