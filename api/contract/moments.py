"""Texts and moments as bodies of requests hold them."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, StringConstraints, WithJsonSchema

from core.moments import HOW, parse_moment


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError(HOW)
    return parse_moment(value)


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("only letters, digits, signs and spaces")
    return value


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""RFC 3339 with a zone."""
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=128),
    AfterValidator(_printable),
]
"""A short text on one line."""
