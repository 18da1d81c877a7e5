"""What an FTP client may do with which name; functions of plain text, no files touched."""

import unicodedata
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TypeVar

_Entry = TypeVar("_Entry")

# Commands that would leave a half-written or renamed-by-us file under a photo's name.
UNSUPPORTED = {
    "APPE": "Appending is not supported: upload the whole file again.",
    "STOU": "Names made by the server are not supported: a photo is named by its user_id.",
    "MFMT": "Changing times is not supported.",
    "SITE CHMOD": "Changing modes is not supported.",
}
WRITING = frozenset(["STOR", "DELE", "MKD", "XMKD", "RMD", "XRMD", "RNFR", "RNTO"])
_MAKES_FOLDER = frozenset(["MKD", "XMKD"])
_README = "readme.md"


def refusal(command: str, path: PurePosixPath) -> str | None:
    """The reply that refuses `command` on `path`, or None; `path` is relative to the folder."""
    if any(part.startswith(".") for part in path.parts):
        return "550 Names that begin with a dot are not served."
    return _writing_refusal(command, path) if command in WRITING else None


def _writing_refusal(command: str, path: PurePosixPath) -> str | None:
    if not path.parts:
        return "550 The drop folder itself cannot be changed."
    if any(part.startswith("_") for part in path.parts) or str(path).lower() == _README:
        return "550 This name is Kenal's own: it can be read, not written."
    if command in _MAKES_FOLDER and len(path.parts) > 1:
        return "550 Folders lie directly in the drop folder, one for each person."
    if len(path.parts) > 2:
        return "550 Photos lie in the drop folder or in one folder for each person."
    return None


def supported(commands: Mapping[str, _Entry]) -> dict[str, _Entry]:
    """Of a library's table of commands those that Kenal offers to clients."""
    return {
        name: entry
        for name, entry in commands.items()
        if name not in UNSUPPORTED and name != "REST"
    }


def bad_text(argument: str) -> str | None:
    """The reply that refuses an argument which is not clean UTF-8 text, or None.

    Replacing undecodable bytes would give two people's photos the same name.
    """
    categories = {unicodedata.category(character) for character in argument}
    if "Cs" in categories:
        return "501 File names must be UTF-8: set this in your FTP client."
    if "Cc" in categories:
        return "501 File names must not hold control characters."
    return None


def restart_reply(argument: str) -> str:
    """The reply to REST: only position 0, which clients send to say "from the start"."""
    if argument.strip() == "0":
        return "350 Restarting at position 0."
    return "502 Resuming is not supported: transfer the whole file again."
