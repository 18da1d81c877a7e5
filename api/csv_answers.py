"""Tables as CSV: streamed, in UTF-8 with its mark, and without formulas."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from flask import Response

from core.csv_text import BOM, inert

Parts = Iterator[Sequence[Sequence[object]]]
"""Rows, some at a time."""


def csv_answer(name: str, columns: Sequence[str], parts: Parts) -> Response:
    """The table as the file `name`.

    The first rows are read at once: what is wrong with the question is said as an error. What
    fails later breaks the connection, so that nobody takes a part for the whole.
    """
    first = next(parts, [])
    response = Response(_lines(columns, first, parts), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _lines(
    columns: Sequence[str], first: Iterable[Sequence[object]], parts: Parts
) -> Iterator[bytes]:
    yield (BOM + _text([columns])).encode()
    yield _text(first).encode()
    for part in parts:
        yield _text(part).encode()


def _text(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    # A number is no formula, whatever its sign.
    return str(value) if isinstance(value, int | float) else inert(str(value))
