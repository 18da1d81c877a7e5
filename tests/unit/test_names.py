"""What names a person, and what does not."""

import os
import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidName, KenalError, UnsupportedImage
from core.names import (
    fold_user_id,
    from_printable,
    is_ignored,
    is_profile,
    normalize_user_id,
    parse_photo_path,
    printable,
)


@pytest.mark.parametrize(
    ("path", "user_id"),
    [
        ("1042.jpg", "1042"),
        ("1042.JPEG", "1042"),
        ("anna.maria@example.org.png", "anna.maria@example.org"),
        ("J. R. R.webp", "J. R. R"),
        ("김철수.heic", "김철수"),
        ("हिन्दी.jpg", "हिन्दी"),
        (unicodedata.normalize("NFD", "josé.jpg"), "josé"),
        ("bob/left side (2).tiff", "bob"),
        ("bob/bob.jpg.gif", "bob"),
        ("a.php.jpg", "a.php"),
    ],
)
def test_a_photo_names_its_person(path: str, user_id: str) -> None:
    assert parse_photo_path(PurePosixPath(path)).user_id == unicodedata.normalize("NFC", user_id)


@pytest.mark.parametrize(
    "user_id",
    [
        "",
        "a" * 65,
        ".hidden",
        "-rf",
        " a",
        "a ",
        "a.",
        "../x",
        "a/b",
        "a\\b",
        "a\nb",
        "a\x00b",
        "a\u202eb",
        "a\u200bb",
        "=cmd()",
        "<img onerror>",
        "CON",
        "com1.txt",
        "photo.jpg",
        "anna.json",
        "john.part",
        "readme.md",
        "\u0301a",
        "\U00010400" * 51,
    ],
)
def test_what_cannot_be_a_user_id_is_refused(user_id: str) -> None:
    with pytest.raises(InvalidName):
        normalize_user_id(user_id)


@pytest.mark.parametrize("path", ["a.jpg.php", "a.svg", "noextension", "a.json"])
def test_other_endings_are_no_photos(path: str) -> None:
    with pytest.raises(UnsupportedImage):
        parse_photo_path(PurePosixPath(path))


def test_deeper_folders_are_refused() -> None:
    with pytest.raises(InvalidName):
        parse_photo_path(PurePosixPath("a/b/c.jpg"))


@pytest.mark.parametrize(
    "path",
    [
        ".jpg",
        ".in.u.jpg.",
        "a.jpg.tmp",
        "a.jpg.PART",
        "a.jpg.filepart",
        "_report.csv",
        "_old/a.jpg",
        "bob/.a.jpg.123.tmp",
        ".hidden/a.jpg",
        "README.md",
    ],
)
def test_temporary_hidden_and_own_files_are_ignored(path: str) -> None:
    assert is_ignored(PurePosixPath(path))


@pytest.mark.parametrize("path", ["1042.jpg", "bob/a_b.jpg", "bob/README.md", "tmp.jpg"])
def test_photos_are_not_ignored(path: str) -> None:
    assert not is_ignored(PurePosixPath(path))


def test_a_profile_lies_at_the_top() -> None:
    assert is_profile(PurePosixPath("1042.json"))
    assert not is_profile(PurePosixPath("1042/1042.json"))


def test_user_ids_that_differ_only_in_case_fold_to_one() -> None:
    assert fold_user_id("Straße") == fold_user_id("STRASSE")
    assert fold_user_id("anna") != fold_user_id("anne")


def test_undecodable_names_are_printable_and_refused() -> None:
    path = PurePosixPath(os.fsdecode(b"\xff\xfe.jpg"))
    assert printable(path) == "\\xff\\xfe.jpg"
    with pytest.raises(InvalidName):
        parse_photo_path(path)


@given(st.text(max_size=80))
def test_a_user_id_is_stable_and_never_a_path(text: str) -> None:
    try:
        user_id = normalize_user_id(text)
    except KenalError:
        return
    assert normalize_user_id(user_id) == user_id
    assert not set(user_id) & set("/\\\0\n\r")
    assert user_id not in (".", "..")
    assert parse_photo_path(PurePosixPath(f"{user_id}.jpg")).user_id == user_id


@given(st.binary(min_size=1, max_size=40).filter(lambda raw: b"\0" not in raw))
def test_any_file_name_prints_as_one_safe_line_and_comes_back(raw: bytes) -> None:
    path = PurePosixPath(os.fsdecode(raw))
    text = printable(path)
    text.encode("utf-8")
    assert text.isprintable()
    assert from_printable(text) == path
