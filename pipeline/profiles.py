"""The profile beside a photo: `<user_id>.json` with `name`, `email`, `attributes`."""

import json
import math
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
)

from core import files
from core.errors import BadJson, KenalError
from core.names import PROFILE_EXTENSION, is_profile, normalize_user_id
from db import users
from db.models import User

MAX_PROFILE_BYTES = 64_000
MAX_JSON_DEPTH = 20
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "string_type": 'is a text in quotes, like "Anna"',
        "string_too_short": "is empty",
        "string_too_long": "is too long",
        "string_pattern_mismatch": "is no e-mail address",
        "dict_type": 'is an object in braces, like {"team": "night shift"}',
    }
)
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256)]


class Profile(BaseModel):
    """What may be said of a person; what is absent stays as it was."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Text | None = None
    email: (
        Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=256)] | None
    ) = None
    attributes: dict[str, object] = Field(default_factory=dict)

    @field_validator("attributes")
    @classmethod
    def _plain(cls, value: dict[str, object]) -> dict[str, object]:
        if len(json.dumps(value)) > MAX_PROFILE_BYTES:
            raise ValueError("attributes are too large")
        return value

    def given(self) -> dict[str, object]:
        """The fields that were given, by name."""
        return self.model_dump(exclude_unset=True)


def parse_json_object(data: bytes, max_depth: int = MAX_JSON_DEPTH) -> dict[str, object]:
    """A JSON object from a stranger; raises BadJson, also for depth and duplicate keys."""
    try:
        value = json.loads(
            data,
            object_pairs_hook=_without_duplicates,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except (ValueError, RecursionError):
        raise BadJson("this is not valid JSON") from None
    if _depth(value) > max_depth:
        raise BadJson("the JSON is nested too deeply")
    if not isinstance(value, dict):
        raise BadJson("a JSON object is expected")
    return value


def parse_profile(data: bytes) -> Profile:
    """A profile from JSON; raises BadJson naming the field that is wrong."""
    try:
        return Profile.model_validate(parse_json_object(data))
    except ValidationError as error:
        raise BadJson(first_problem(error)[1]) from None


def first_problem(error: ValidationError) -> tuple[str | None, str]:
    """The field of a profile that is wrong, None where it is none of ours; and what is wrong."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = first["loc"][0] if first["loc"] else None
    if field not in Profile.model_fields:
        # Never the stranger's own name for it: it may end in somebody's page or log.
        return None, f"a profile has only: {', '.join(sorted(Profile.model_fields))}"
    return str(field), f"{field}: {_WORDS.get(first['type'], first['msg'])}"


def apply_beside(drop: Path, person: User) -> None:
    """Apply the person's side file where there is a good one that was not applied yet."""
    path = drop / f"{person.user_id}.{PROFILE_EXTENSION}"
    try:
        data, _ = files.read_regular(path, MAX_PROFILE_BYTES)
        apply(person, data)
    except KenalError:
        # A bad profile is reported under its own name; it never keeps a photo out.
        return


def apply(person: User, data: bytes) -> bool:
    """Apply a side file's content once; True if it was new. Raises BadJson."""
    sha256 = files.sha256_bytes(data)
    if person.profile_sha256 == sha256:
        return False
    users.set_profile(person, parse_profile(data).given())
    person.profile_sha256 = sha256
    return True


def profile_user_id(path: PurePosixPath) -> str:
    """Whose profile a side file is; raises InvalidName."""
    if not is_profile(path):
        raise ValueError("not a profile side file")
    return normalize_user_id(path.stem)


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    # 1e999 is JSON, but becomes an infinity that no JSON can say.
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("out of range")
    return number


def _depth(value: object) -> int:
    """How deeply containers are nested in a parsed value; a plain value has depth 0."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [
            child for item in level for child in (item.values() if isinstance(item, dict) else item)
        ]
    return depth
