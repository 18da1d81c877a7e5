"""Which user_id a name becomes: pure, the same every time, nobody else's by accident."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping

from edge.registering.types import RegisterError

MAX_CHARACTERS = 64
_MAX_NAME_CHARACTERS = 100
_USER_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
# What the server refuses: names of devices on Windows, and endings of files it would take.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
_ENDING = re.compile(
    r"\.(jpe?g|jpe|jfif|png|webp|hei[cf]|bmp|tiff?|gif|json|tmp|part|filepart)", re.IGNORECASE
)


def clean_name(text: str) -> str:
    """The name as it is kept: NFC, single spaces; raises RegisterError where it is none."""
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if not 1 <= len(name) <= _MAX_NAME_CHARACTERS:
        raise RegisterError(f"a name has 1 to {_MAX_NAME_CHARACTERS} characters")
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Co", "Cn", "Cf") for sign in name):
        raise RegisterError("a name has no control characters")
    if not any(sign.isalnum() for sign in name):
        raise RegisterError("a name has at least one letter or digit")
    return name


def checked_user_id(text: str) -> str:
    """A user_id that somebody chose; raises RegisterError where the server would not take it."""
    if not _USER_ID.fullmatch(text):
        raise RegisterError(
            "a user_id is 1 to 64 of A-Z a-z 0-9 . _ -, with a letter or digit at both ends"
        )
    is_ending = _ENDING.fullmatch(text[text.rfind(".") :]) if "." in text else None
    if _DEVICE.fullmatch(text.lower()) or is_ending:
        raise RegisterError("this user_id is the name of a file or device: choose another")
    return text


def is_same_name(one: str | None, other: str | None) -> bool:
    """Whether two names are written alike but for letter case."""
    return one is not None and other is not None and _folded(one) == _folded(other)


def candidates(name: str) -> Iterator[str]:
    """The user_ids for a name, the plain one first where it says the whole name."""
    base, is_whole = _slug(name)
    if is_whole:
        yield base
    sign = hashlib.sha256(_folded(name).encode()).hexdigest()
    for length in (8, 16):
        yield f"{base[: MAX_CHARACTERS - length - 1].rstrip('-') or 'person'}-{sign[:length]}"


def user_id_of(name: str, taken: Mapping[str, str | None]) -> str:
    """The first candidate that is free or has this very name in `taken`, names by user_id."""
    folded = {user_id.casefold(): owner for user_id, owner in taken.items()}
    for user_id in candidates(name):
        if user_id not in folded or is_same_name(folded[user_id], name):
            return user_id
    raise RegisterError("no user_id is free for this name: give one with --user-id")


def _slug(name: str) -> tuple[str, bool]:
    """Lower-case letters and digits between dashes, and whether no letter of the name is lost."""
    apart = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(sign for sign in apart if not unicodedata.combining(sign))
    slug = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")
    is_lost = any(sign.isalnum() and not sign.isascii() for sign in letters)
    is_whole = bool(slug) and len(slug) <= MAX_CHARACTERS and not is_lost
    return slug, is_whole and not _DEVICE.fullmatch(slug)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", " ".join(name.split())).casefold()
