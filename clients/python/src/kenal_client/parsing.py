"""JSON into the frozen values of answers: what is known is checked, what is not is passed over."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from kenal_client.errors import UnexpectedAnswer

Shown = TypeVar("Shown")


def parse(kind: type[Shown], value: object) -> Shown:
    """`value` as `kind`, a dataclass; raises UnexpectedAnswer that names what is missing."""
    return cast(Shown, _parsed(kind, value, kind.__name__))


def parse_time(text: str) -> datetime:
    """A time of Kenal's, aware; raises ValueError."""
    # Python 3.9 and 3.10 know no Z.
    moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment


def _parsed(kind: Any, value: object, place: str) -> object:
    if dataclasses.is_dataclass(kind):
        return _object(cast("type[Any]", kind), value, place)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Union:
        return None if value is None else _parsed(inner[0], value, place)
    if origin is tuple:
        return _tuple(inner, value, place)
    return _plain(origin or kind, value, place)


def _plain(kind: Any, value: object, place: str) -> object:
    if kind in (datetime, date):
        return _moment(kind, _checked(str, value, place), place)
    if kind is float:
        return float(_checked((int, float), value, place))
    return _checked(kind, value, place)


def _object(kind: type[Any], value: object, place: str) -> object:
    given = _checked(dict, value, place)
    types, found = get_type_hints(kind), {}
    for field in dataclasses.fields(kind):
        if field.name in given:
            found[field.name] = _parsed(types[field.name], given[field.name], field.name)
        elif field.default is dataclasses.MISSING:
            raise UnexpectedAnswer(f"the answer has no {field.name} in {place}")
    return kind(**found)


def _tuple(inner: tuple[Any, ...], value: object, place: str) -> object:
    items = _checked(list, value, place)
    if inner[-1] is Ellipsis:
        return tuple(_parsed(inner[0], item, place) for item in items)
    if len(items) != len(inner):
        raise UnexpectedAnswer(f"{place} in the answer has another length")
    return tuple(_parsed(one, item, place) for one, item in zip(inner, items))


def _moment(kind: type[Any], text: str, place: str) -> object:
    try:
        return parse_time(text) if kind is datetime else date.fromisoformat(text)
    except ValueError:
        raise UnexpectedAnswer(f"{place} in the answer is no time") from None


def _checked(kind: Any, value: object, place: str) -> Any:
    # To Python a bool is an int; to JSON it is not.
    if (isinstance(value, bool) and kind is not bool) or not isinstance(value, kind):
        raise UnexpectedAnswer(f"{place} in the answer is not what is expected there")
    return value
