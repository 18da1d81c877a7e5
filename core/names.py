"""What a file in the drop folder is called, and which person that names."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath

from core.errors import InvalidName, UnsupportedImage

MAX_USER_ID_CHARACTERS = 64
# A file system's names have at most 255 bytes, with the ending and a temporary name's additions.
_MAX_USER_ID_BYTES = 200
PHOTO_EXTENSIONS = frozenset(
    ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "heic", "heif", "bmp", "tif", "tiff", "gif"]
)
PROFILE_EXTENSION = "json"
_IGNORED_SUFFIXES = (".tmp", ".part", ".filepart")
_OWN_FILES = frozenset(["readme.md"])
_INSIDE = frozenset(" ._@-")
_ESCAPE = re.compile(r"\\(?:\\|x([0-9a-f]{2})|u\{([0-9a-f]+)\})")
_DEVICE_NAME = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PhotoName:
    """A photo's place in the drop folder and the person it claims to show."""

    path: PurePosixPath
    user_id: str

    @property
    def key(self) -> str:
        """The path's name in the ledger."""
        return printable(self.path)


def normalize_user_id(text: str) -> str:
    """`text` as a user_id in NFC; raises InvalidName where it cannot be one.

    Letters and digits of any script, and space . _ @ - inside; 1-64 characters. Names of
    Windows devices and names that end like a photo are refused: they cannot be files there,
    or would be taken for one.
    """
    user_id = unicodedata.normalize("NFC", text)
    if not 1 <= len(user_id) <= MAX_USER_ID_CHARACTERS:
        raise InvalidName(f"a user_id has 1 to {MAX_USER_ID_CHARACTERS} characters")
    if len(user_id.encode("utf-8", "surrogatepass")) > _MAX_USER_ID_BYTES:
        raise InvalidName(f"a user_id has at most {_MAX_USER_ID_BYTES} bytes in UTF-8")
    inside_ok = all(_is_letter_or_digit(c) or c in _INSIDE for c in user_id)
    if not inside_ok or _category(user_id[0]) not in "LN" or not _is_letter_or_digit(user_id[-1]):
        raise InvalidName("a user_id is letters and digits, with space . _ @ - only inside")
    if _DEVICE_NAME.fullmatch(user_id):
        raise InvalidName("this user_id is the name of a device on Windows")
    if _extension(user_id) in {*PHOTO_EXTENSIONS, PROFILE_EXTENSION}:
        raise InvalidName("a user_id does not end like a photo file or a profile")
    if is_ignored(PurePosixPath(user_id)):
        raise InvalidName("files and folders of this name are ignored, so it can be no user_id")
    return user_id


def fold_user_id(user_id: str) -> str:
    """The form in which two user_ids must differ: letter case and look-alike forms folded."""
    return unicodedata.normalize("NFKC", user_id).casefold()


def is_ignored(path: PurePosixPath) -> bool:
    """Whether a relative path is none of Kenal's business: temporary, hidden, reports, ours."""
    if len(path.parts) == 1 and path.name.lower() in _OWN_FILES:
        return True
    return any(
        part.startswith((".", "_")) or part.lower().endswith(_IGNORED_SUFFIXES)
        for part in path.parts
    )


def is_profile(path: PurePosixPath) -> bool:
    """Whether a relative path is a profile side file, `<user_id>.json` at the top."""
    return len(path.parts) == 1 and _extension(path.name) == PROFILE_EXTENSION


def parse_photo_path(path: PurePosixPath) -> PhotoName:
    """The photo that a relative path names: `<user_id>.<ext>` or `<user_id>/<anything>.<ext>`.

    Raises InvalidName, or UnsupportedImage for an extension that no photo has.
    """
    if len(path.parts) not in (1, 2):
        raise InvalidName("photos lie in the drop folder or in one folder per person")
    if _extension(path.name) not in PHOTO_EXTENSIONS:
        raise UnsupportedImage("the file name does not end like a photo")
    if not _is_utf8(path):
        raise InvalidName("the file name is not valid UTF-8")
    claimed = path.stem if len(path.parts) == 1 else path.parts[0]
    return PhotoName(path=path, user_id=normalize_user_id(claimed))


def claimed_user_id(path: PurePosixPath) -> str | None:
    """The person whose file this is by its place, photo or not; None where it is nobody's."""
    try:
        return normalize_user_id(path.stem if len(path.parts) == 1 else path.parts[0])
    except InvalidName:
        return None


def printable(path: PurePosixPath | str) -> str:
    """A relative path as safe text for ledger, reports and logs; `from_printable` reverses it."""
    return "".join(_escaped(character) for character in str(path))


def from_printable(key: str) -> PurePosixPath:
    """The path that `printable` gave `key` for."""
    return PurePosixPath(_ESCAPE.sub(_unescaped, key))


def _escaped(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if "\udc80" <= character <= "\udcff":  # a byte that is not UTF-8, as Python reads file names
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character if _is_safe(character) else f"\\u{{{ord(character):x}}}"


def _unescaped(found: re.Match[str]) -> str:
    byte, code = found.groups()
    if byte:
        return chr(int(byte, 16) + 0xDC00)
    return chr(int(code, 16)) if code else "\\"


def _is_safe(character: str) -> bool:
    return character == " " or _category(character) not in "CZ"


def _is_utf8(path: PurePosixPath) -> bool:
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_letter_or_digit(character: str) -> bool:
    # Marks (M) are the vowels of many scripts; they are never the first character.
    return _category(character) in "LMN"


def _category(character: str) -> str:
    return unicodedata.category(character)[0]


def _extension(name: str) -> str:
    return PurePosixPath(name).suffix.lower().removeprefix(".")
