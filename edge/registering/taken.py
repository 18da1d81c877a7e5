"""Which photos of a folder were taken already, by their bytes; on the disk."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.registering.types import RegisterError

HERE, SERVER = "here", "server"
_SETUP = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
PRAGMA secure_delete=ON;
CREATE TABLE IF NOT EXISTS taken (
    target TEXT NOT NULL,
    user_id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    word TEXT NOT NULL,
    PRIMARY KEY (target, user_id, sha256)
) WITHOUT ROWID;
"""


class Taken:
    """What the targets answered for good: taken, or in words why not."""

    def __init__(self, folder: Path) -> None:
        """Opens or makes it in `folder`; raises RegisterError."""
        with _in_words():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._database = sqlite3.connect(folder / "taken.sqlite3", isolation_level=None)
            self._database.executescript(_SETUP)

    def close(self) -> None:
        self._database.close()

    def word(self, target: str, user_id: str, sha256: str) -> str | None:
        """The answer; an empty one: it was taken; None: it was not asked."""
        with _in_words():
            row = self._database.execute(
                "SELECT word FROM taken WHERE target = ? AND user_id = ? AND sha256 = ?",
                (target, user_id, sha256),
            ).fetchone()
        return None if row is None else str(row[0])

    def note(self, target: str, user_id: str, sha256: str, word: str = "") -> None:
        """Durable on return."""
        with _in_words():
            self._database.execute(
                "INSERT OR REPLACE INTO taken VALUES (?, ?, ?, ?)", (target, user_id, sha256, word)
            )

    def forget(self, user_id: str, target: str = HERE) -> None:
        """This person was deleted: the photos may be taken again."""
        with _in_words():
            self._database.execute(
                "DELETE FROM taken WHERE user_id = ? AND target = ?", (user_id, target)
            )


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error):
        raise RegisterError("the notes in outbox.folder cannot be read or written") from None
