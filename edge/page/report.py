"""What the page's script reads every second."""

import logging
from typing import Any

from edge.board import Board, Happening, Label
from edge.page.captures import Progress
from edge.page.stream import view
from edge.page.types import Status, StatusRow
from edge.page.words import label_text, shown

log = logging.getLogger("edge.page")


def report(board: Board, status: Status, progress: Progress | None, now: float) -> dict[str, Any]:
    """JSON of everything but the picture; `now` by the clock of the frames."""
    seen = view(board.scene(), now)
    scene = seen.scene
    is_fresh = scene is not None and not seen.stale_seconds
    return {
        "picture": _picture_word(scene is not None, seen.stale_seconds),
        "rate": round(scene.frames_per_second, 1) if scene and is_fresh else 0.0,
        "faces": [
            {"number": one.number, **_label(one.label)}
            for one in (shown(scene) if scene and is_fresh else [])
            if one.label is not None
        ],
        "status": [{"name": row[0], "word": row[1], "bad": bool(row[2])} for row in _rows(status)],
        "happenings": [_happening(one) for one in board.happenings()],
        "capture": {"state": progress.state, "text": progress.text} if progress else None,
    }


def _picture_word(is_there: bool, stale_seconds: int) -> str:
    if not is_there:
        return "no picture yet"
    return f"no picture for {stale_seconds} s" if stale_seconds else ""


def _rows(status: Status) -> list[StatusRow]:
    try:
        return list(status())
    except Exception as error:  # noqa: BLE001 - the picture goes on whatever the program says
        log.error("the status cannot be told: %s", type(error).__name__)
        return [StatusRow("Status", "cannot be told; see the log", True)]


def _label(label: Label) -> dict[str, Any]:
    return {
        "kind": label.kind.value,
        "text": label_text(label),
        "similarity": None if label.similarity is None else round(label.similarity, 2),
    }


def _happening(one: Happening) -> dict[str, Any]:
    return {"at": one.at, "opened": one.opened, **_label(one.label)}
