"""GET /audit: weighty acts, newest first."""

from flask import Blueprint, Response, request

from api import schemas
from api.answers import answer
from api.context import services
from api.contract.keys import AuditPage
from api.contract.operation import needs, operation
from api.contract.paging import PageOptions
from api.options import Options
from api.paging import OPTIONS as PAGING
from api.paging import page_of
from core.access import Scope
from db import audit as acts
from db.access_models import AuditRow

audit = Blueprint("audit", __name__)


@audit.get("/audit")
@operation(
    "Who did what, newest first",
    needs(Scope.ADMIN),
    answers={200: AuditPage},
    query=PageOptions,
)
def list_acts() -> Response:
    page = page_of(Options.of_query(request, PAGING))
    with services().database.read() as session:
        # What comes after in a listing from the newest on was written before.
        rows, cursor = page.cut(acts.page(session, page.after_id or None, page.limit + 1))
    return answer({"acts": [_shown(row) for row in rows], "next_cursor": cursor})


def _shown(row: AuditRow) -> schemas.Json:
    return {
        "id": row.id,
        "at": schemas.of_time(row.at),
        "caller": row.caller,
        "caller_name": row.caller_name,
        "action": row.action,
        "target": row.target,
        "outcome": row.outcome,
        "details": row.details,
        "request_id": row.request_id,
    }
