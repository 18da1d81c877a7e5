"""Options of a request, from its query, form or JSON: known by name, given once, strictly typed."""

import re
from collections.abc import Collection
from enum import StrEnum
from typing import TypeVar

from flask import Request

from core.errors import InvalidParameter

Choice = TypeVar("Choice", bound=StrEnum)
_DIGITS = re.compile(r"[0-9]{1,9}")
_NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,20})?([eE]-?[0-9]{1,2})?")


class Options:
    """Values by name; raises InvalidParameter for a name not in `allowed` or one given twice."""

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = allowed
        self._values: dict[str, object] = {}

    @classmethod
    def of_query(cls, request: Request, allowed: Collection[str]) -> "Options":
        """The options in the query string."""
        options = cls(allowed)
        for name, value in request.args.items(multi=True):
            options.add(name, value)
        return options

    def add(self, name: str, value: object) -> None:
        if name not in self._allowed:
            known = ", ".join(sorted(self._allowed)) or "none"
            raise InvalidParameter(f"this option is not known here; known are: {known}")
        if name in self._values:
            raise InvalidParameter(f"{name} is given twice", {"parameter": name})
        if value is None:
            # Taken for absent, a null user_id would turn a verification into a search of everybody.
            raise InvalidParameter(f"{name} is null", {"parameter": name})
        self._values[name] = value

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is not None and not isinstance(value, str):
            raise InvalidParameter(f"{name} is a text", {"parameter": name})
        return value

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number from `least` to `most`; texts only in plain digits."""
        value = self._values.get(name, default)
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise InvalidParameter(
                f"{name} is a whole number from {least} to {most}", {"parameter": name}
            )
        return value

    def number(self, name: str, least: float, most: float) -> float | None:
        """A number from `least` to `most`; None where it is not given."""
        value = self._values.get(name)
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not least <= value <= most:  # type: ignore[operator]
            raise InvalidParameter(
                f"{name} is a number from {least:g} to {most:g}", {"parameter": name}
            )
        return float(value)  # type: ignore[arg-type]

    def flag(self, name: str) -> bool:
        """True or false, in JSON or as a text; false where it is not given."""
        return self.known_flag(name) or False

    def known_flag(self, name: str) -> bool | None:
        """True or false, in JSON or as a text; None where it is not given."""
        value = self._values.get(name)
        if value in ("true", "false"):
            value = value == "true"
        if value is not None and not isinstance(value, bool):
            raise InvalidParameter(f"{name} is true or false", {"parameter": name})
        return value

    def choice(
        self, name: str, kind: type[Choice], among: Collection[Choice] | None = None
    ) -> Choice | None:
        value = self.text(name)
        if value is None:
            return None
        allowed = list(kind) if among is None else list(among)
        if value not in allowed:
            known = ", ".join(allowed)
            raise InvalidParameter(f"{name} is one of: {known}", {"parameter": name})
        return kind(value)
