"""What counts of a check-in after everything that was said about it."""

from datetime import UTC, datetime, timedelta

import pytest

from db.checkin_models import Correction
from pipeline.checkins_corrected import Effective, effective, shared

EIGHT = datetime(2026, 1, 5, 8, tzinfo=UTC)
NINE = EIGHT + timedelta(hours=1)
RECORDED = Effective("anna", EIGHT, "in")


def said(
    user_id: str | None = None,
    at: datetime | None = None,
    direction: str | None = None,
    voided: bool | None = None,
) -> Correction:
    return Correction(user_id=user_id, at=at, direction=direction, voided=voided)


@pytest.mark.parametrize(
    ("corrections", "counts"),
    [
        ([], RECORDED),
        ([said(user_id="bert")], Effective("bert", EIGHT, "in")),
        ([said(user_id="bert"), said(at=NINE)], Effective("bert", NINE, "in")),
        ([said(user_id="bert"), said(user_id="carl")], Effective("carl", EIGHT, "in")),
        ([said(voided=True)], Effective("anna", EIGHT, "in", voided=True)),
        ([said(voided=True), said(voided=False)], RECORDED),
        ([said(voided=True), said(direction="out")], Effective("anna", EIGHT, "out", voided=True)),
    ],
)
def test_of_each_value_the_newest_word_counts(
    corrections: list[Correction], counts: Effective
) -> None:
    assert effective(RECORDED, corrections) == counts


def test_a_repeat_shares_what_is_said_of_its_event() -> None:
    later = timedelta(seconds=10)
    repeat = Effective("anna", EIGHT + later, "in")
    moved = shared(repeat, RECORDED, [said(user_id="bert", at=NINE, voided=True)])
    assert moved == Effective("bert", NINE + later, "in", voided=True)
    assert shared(repeat, RECORDED, []) == repeat
