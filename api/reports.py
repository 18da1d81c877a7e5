"""GET /reports/…: what an admin should look at."""

import base64
import binascii
import math
import re

from flask import Blueprint, Response, request

from api import auth, schemas
from api.answers import answer
from api.context import engine, services
from api.contract.operation import needs, operation
from api.contract.reports import DuplicateOptions, DuplicatePage
from api.options import Options
from core.access import Scope
from core.errors import InvalidParameter
from pipeline.duplicates import Duplicates, Pair, Place

_PLAIN = re.compile(rb"pairs:([0-9]{1,18}):([0-9]{1,18}):([0-9]{1,18})")
_DECIMAL = re.compile(r"-?[0-9](\.[0-9]{1,9})?")

reports = Blueprint("reports", __name__)


@reports.get("/reports/duplicates")
@operation(
    "Different people whose faces look the same",
    needs(Scope.ADMIN, Scope.READ),
    answers={200: DuplicatePage},
    query=DuplicateOptions,
)
def duplicates() -> Response:
    ready = engine()
    options = Options.of_query(request, ("threshold", "cursor"))
    threshold = _threshold(options.text("threshold"), ready.rule.threshold)
    place = _place(options.text("cursor"))
    report = Duplicates(services().database, ready.chosen.spec, threshold)
    # As much work as a photo, so it waits among them.
    with ready.recognizer.turns.turn(auth.caller().id):
        step = report.step(place)
    return answer(
        {
            "threshold": round(threshold, 4),
            "pairs": [_shown(pair) for pair in step.pairs],
            "omitted": step.omitted,
            "scanned": step.scanned,
            "total": step.total,
            "next_cursor": None if step.following is None else _cursor(step.following),
        }
    )


def _threshold(given: str | None, own: float) -> float:
    if given is None:
        return own
    value = float(given) if _DECIMAL.fullmatch(given) else math.nan
    if not -1 <= value <= 1:
        raise InvalidParameter(
            "threshold is a number from -1 to 1, like 0.83", {"parameter": "threshold"}
        )
    return value


def _cursor(place: Place) -> str:
    plain = f"pairs:{place.after}:{place.upto}:{place.column}"
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def _place(cursor: str | None) -> Place:
    if cursor is None:
        return Place()
    try:
        plain = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error):
        plain = b""
    found = _PLAIN.fullmatch(plain)
    if found is None:
        raise InvalidParameter("this cursor is not one of ours", {"parameter": "cursor"})
    return Place(*(int(number) for number in found.groups()))


def _shown(pair: Pair) -> schemas.Json:
    people = [{"user_id": f.user_id, "face_id": f.face_id} for f in (pair.first, pair.second)]
    return {"similarity_score": round(pair.similarity, 4), "people": people}
