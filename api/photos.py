"""GET /photos: what became of every file seen in the drop folder."""

from flask import Blueprint, Response, request

from api import schemas
from api.answers import answer
from api.context import services
from api.contract.operation import needs, operation
from api.contract.photos import LedgerOptions, LedgerPage
from api.options import Options
from api.paging import OPTIONS as PAGING
from api.paging import page_of
from core.access import Scope
from core.names import normalize_user_id
from db import photos as ledger
from db.photos import STORED_STATUSES, Status

photos = Blueprint("photos", __name__)


@photos.get("/photos")
@operation(
    "The ledger: what became of every file",
    needs(Scope.READ),
    answers={200: LedgerPage},
    errors=("invalid_name",),
    query=LedgerOptions,
)
def list_photos() -> Response:
    options = Options.of_query(request, PAGING | {"status", "user_id"})
    page, status, claimed = (
        page_of(options),
        options.choice("status", Status, STORED_STATUSES),
        options.text("user_id"),
    )
    user_id = None if claimed is None else normalize_user_id(claimed)
    with services().database.read() as session:
        found = ledger.page(session, page.after_id, page.limit + 1, status, user_id)
        counts = ledger.counts(session)
    rows, cursor = page.cut(found)
    shown = [schemas.of_photo(row) for row in rows]
    return answer({"counts": schemas.of_counts(counts), "photos": shown, "next_cursor": cursor})
