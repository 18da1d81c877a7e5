"""Our own temporary files in the drop folder, left behind where a process was killed."""

import contextlib
import re
import time
from pathlib import Path

# As core.files.atomic_file names them: a photo or report that was being written.
_OURS = re.compile(r"\..+\.\d+\.[0-9a-f]{8}\.tmp")
_ABANDONED_SECONDS = 3600.0


def sweep_temporaries(drop: Path) -> None:
    """Remove those that nobody has written to for an hour."""
    with contextlib.suppress(OSError):
        for folder in (drop, *(path for path in drop.iterdir() if _is_folder(path))):
            for path in folder.glob(".*.tmp"):
                if _OURS.fullmatch(path.name) and _age_seconds(path) > _ABANDONED_SECONDS:
                    path.unlink(missing_ok=True)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _age_seconds(path: Path) -> float:
    return time.time() - path.lstat().st_mtime
