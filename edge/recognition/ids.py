"""What may be a user_id, by the server's rules; pure."""

import re
import unicodedata

MAX_CHARACTERS = 64
_MAX_BYTES = 200
_INSIDE = frozenset(" ._@-")
_DEVICE_NAME = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_FILE_ENDINGS = (
    *("jpg", "jpeg", "jpe", "jfif", "png", "webp", "heic", "heif", "bmp", "tif", "tiff", "gif"),
    *("json", "tmp", "part", "filepart"),
)


class IdError(ValueError):
    """Text that can be no user_id; says why."""


def normal(text: str) -> str:
    """`text` as a user_id in NFC; raises IdError where the server would refuse it."""
    user_id = unicodedata.normalize("NFC", text)
    if not 1 <= len(user_id) <= MAX_CHARACTERS:
        raise IdError(f"a user_id has 1 to {MAX_CHARACTERS} characters")
    if len(user_id.encode("utf-8", "surrogatepass")) > _MAX_BYTES:
        raise IdError(f"a user_id has at most {_MAX_BYTES} bytes in UTF-8")
    inside_ok = all(_kind(one) in "LMN" or one in _INSIDE for one in user_id)
    if not inside_ok or _kind(user_id[0]) not in "LN" or _kind(user_id[-1]) not in "LMN":
        raise IdError("a user_id is letters and digits, with space . _ @ - only inside")
    if _DEVICE_NAME.fullmatch(user_id) or _ends_like_a_file(user_id):
        raise IdError("this user_id would be taken for a file or a device on the server")
    return user_id


def folded(user_id: str) -> str:
    """The form in which two user_ids must differ: letter case and look-alike forms folded."""
    return unicodedata.normalize("NFKC", user_id).casefold()


def _ends_like_a_file(user_id: str) -> bool:
    _, dot, ending = user_id.lower().rpartition(".")
    return user_id.lower() == "readme.md" or (bool(dot) and ending in _FILE_ENDINGS)


def _kind(character: str) -> str:
    return unicodedata.category(character)[0]
