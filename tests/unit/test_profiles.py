"""Profiles from strangers' JSON."""

import pytest

from core.errors import BadJson
from pipeline.profiles import parse_json_object, parse_profile


def test_only_what_is_given_is_set() -> None:
    assert parse_profile(b'{"name": " Anna "}').given() == {"name": "Anna"}
    assert parse_profile(b'{"email": null}').given() == {"email": None}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{",
        b'{"name": 5}',
        b'{"nmae": "x"}',
        b'{"name": "a", "name": "b"}',
        b'{"email": "nobody"}',
        b'{"attributes": []}',
        b'{"attributes": {"a": NaN}}',
        b"\xff",
        b'{"name": "' + b"x" * 300 + b'"}',
        b'{"attributes": ' + b'{"a":' * 30 + b"1" + b"}" * 31,
        b"[" * 100_000,
    ],
)
def test_bad_profiles_are_refused(text: bytes) -> None:
    with pytest.raises(BadJson):
        parse_profile(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"<script>alert(1)</script>": 1}',
        b'{"attributes": [], "<script>": 1}',
        b'{"name": "<script>\\ud800"}',
        b'{"email": "<script>"}',
    ],
)
def test_a_refusal_repeats_nothing_of_what_was_given(text: bytes) -> None:
    with pytest.raises(BadJson) as refused:
        parse_profile(text)
    assert "<script>" not in refused.value.message


def test_brackets_in_strings_are_not_nesting() -> None:
    assert parse_json_object(b'{"a": "' + b"[{" * 50 + b'"}') == {"a": "[{" * 50}
