"""Names become user_ids: the same every time, and never another person's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidName
from core.names import normalize_user_id
from edge.registering.ids import candidates, checked_user_id, clean_name, user_id_of
from edge.registering.types import RegisterError


@pytest.mark.parametrize(
    ("name", "user_id"),
    [
        ("Ada Lovelace", "ada-lovelace"),
        ("  Ada   Lovelace ", "ada-lovelace"),
        ("Müller", "muller"),
        ("Straße", "strasse"),
        ("O'Neill, J.", "o-neill-j"),
        ("photo.jpg", "photo-jpg"),
    ],
)
def test_a_name_is_a_slug(name: str, user_id: str) -> None:
    assert user_id_of(clean_name(name), {}) == user_id


@pytest.mark.parametrize("name", ["李明", "Łukasz", "con", "x" * 90, "Иван"])
def test_what_a_slug_cannot_say_gets_a_sign_of_its_own(name: str) -> None:
    user_id = user_id_of(name, {})
    assert user_id == user_id_of(name, {})
    assert user_id != user_id_of(f"{name}{name}"[:95], {})
    assert checked_user_id(user_id) == normalize_user_id(user_id) == user_id


def test_another_name_never_gets_the_same() -> None:
    first = user_id_of("Müller", {})
    second = user_id_of("Muller", {first: "Müller"})
    assert second != first
    assert user_id_of("Muller", {first: "Müller", second: "Muller"}) == second
    assert user_id_of("MÜLLER", {first: "Müller"}) == first
    assert user_id_of("muller", {"MULLER": "Somebody"}) != "muller"
    assert user_id_of("muller", {"muller": None}) != "muller"


@given(st.text(min_size=1, max_size=100))
def test_every_candidate_is_a_user_id_of_the_server(text: str) -> None:
    try:
        name = clean_name(text)
    except RegisterError:
        return
    for user_id in candidates(name):
        assert normalize_user_id(user_id) == checked_user_id(user_id) == user_id


@given(st.from_regex(r"[A-Za-z0-9._-]{1,66}", fullmatch=True))
def test_what_is_chosen_is_refused_where_the_server_would(text: str) -> None:
    try:
        normalize_user_id(text)
    except InvalidName:
        with pytest.raises(RegisterError):
            checked_user_id(text)


@pytest.mark.parametrize("name", ["", "  ", "a" * 101, "a\x00b", "a\x1b[31m", "---", "\udcff"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(RegisterError):
        clean_name(name)


@pytest.mark.parametrize(
    "user_id", ["", "-a", "a-", "a b", "ä", "a/b", "..", "a.jpg", "NUL", "a" * 65]
)
def test_what_is_no_user_id(user_id: str) -> None:
    with pytest.raises(RegisterError):
        checked_user_id(user_id)
