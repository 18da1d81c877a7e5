"""Pages of a listing: an opaque cursor says after which row the next one starts."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from api.options import Options
from core.errors import InvalidParameter

OPTIONS = frozenset(["limit", "cursor"])
DEFAULT_LIMIT = 100
MAX_LIMIT = 500
_PLAIN = re.compile(rb"after:([0-9]{1,18})")


class Row(Protocol):
    @property
    def id(self) -> int: ...


AnyRow = TypeVar("AnyRow", bound=Row)


@dataclass(frozen=True, slots=True)
class Page:
    """What was asked for: at most `limit` rows whose id is above `after_id`."""

    after_id: int
    limit: int

    def cut(self, rows: Sequence[AnyRow]) -> tuple[Sequence[AnyRow], str | None]:
        """The page's rows and the cursor of the next page, from up to `limit` + 1 rows."""
        shown = rows[: self.limit]
        return shown, _cursor(shown[-1].id) if len(rows) > self.limit else None


def page_of(options: Options) -> Page:
    """The page that `limit` and `cursor` ask for; raises InvalidParameter."""
    limit = options.integer("limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
    cursor = options.text("cursor")
    return Page(0 if cursor is None else _after(cursor), limit)


def _cursor(after_id: int) -> str:
    return base64.urlsafe_b64encode(f"after:{after_id}".encode()).decode().rstrip("=")


def _after(cursor: str) -> int:
    try:
        plain = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error):
        plain = b""
    found = _PLAIN.fullmatch(plain)
    if found is None:
        raise InvalidParameter("this cursor is not one of ours", {"parameter": "cursor"})
    return int(found[1])
