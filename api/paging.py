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
_NUMBER = re.compile(r"[0-9]{1,18}")


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
        return _cut(rows, self.limit, "after")


@dataclass(frozen=True, slots=True)
class NewestFirst:
    """What was asked for: at most `limit` rows whose id is below `before_id`, if that is given."""

    before_id: int | None
    limit: int

    def cut(self, rows: Sequence[AnyRow]) -> tuple[Sequence[AnyRow], str | None]:
        """The page's rows and the cursor of the next page, from up to `limit` + 1 rows."""
        return _cut(rows, self.limit, "before")


def page_of(options: Options) -> Page:
    """The page that `limit` and `cursor` ask for; raises InvalidParameter."""
    return Page(_row_id(options, "after") or 0, limit_of(options))


def newest_first_of(options: Options) -> NewestFirst:
    """The same of a listing that begins with the newest."""
    return NewestFirst(_row_id(options, "before"), limit_of(options))


def limit_of(options: Options) -> int:
    return options.integer("limit", DEFAULT_LIMIT, 1, MAX_LIMIT)


def written(kind: str, place: str) -> str:
    """A cursor that says `place` to a listing of this kind."""
    return base64.urlsafe_b64encode(f"{kind}:{place}".encode()).decode().rstrip("=")


def place_of(options: Options, kind: str) -> str | None:
    """What `cursor` says; None without one. Raises InvalidParameter for another kind's."""
    cursor = options.text("cursor")
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found, _, place = base64.b64decode(padded, b"-_", validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        found = place = ""
    if found != kind:
        raise foreign()
    return place


def foreign() -> InvalidParameter:
    return InvalidParameter("this cursor is not one of ours", {"parameter": "cursor"})


def _row_id(options: Options, kind: str) -> int | None:
    place = place_of(options, kind)
    if place is not None and not _NUMBER.fullmatch(place):
        raise foreign()
    return None if place is None else int(place)


def _cut(rows: Sequence[AnyRow], limit: int, kind: str) -> tuple[Sequence[AnyRow], str | None]:
    shown = rows[:limit]
    return shown, written(kind, str(shown[-1].id)) if len(rows) > limit else None
