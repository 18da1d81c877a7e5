"""All files of a report, in one folder."""

import csv
import io
import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from core.csv_text import BOM, inert
from core.errors import InvalidParameter
from core.files import write_atomic
from evaluation.embedding import Unusable
from evaluation.evaluate import Evaluation
from evaluation.report.page import page
from evaluation.report.plots import plots
from evaluation.report.record import record
from evaluation.report.worst import FaceOf, sheet, worst_of

_NOT_WRITABLE = "nothing can be written into the folder that --out names"
PAGE, RECORD, UNUSABLE = "report.html", "results.json", "unusable.csv"
_PICTURE = re.compile(
    r"(roc|det|ranks|growth-(strangers|enrolled)|scores-.+|worst-(one-person|two-people)-.+)\.png"
)


def write_report(found: Evaluation, folder: Path, face_of: FaceOf) -> list[str]:
    """Write the report into `folder`, over an older one, of which no picture stays; its files.

    Raises StorageFull, or InvalidParameter where nothing can be written there.
    """
    files = _files(found, face_of)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        earlier = _pictures_of_earlier(folder)
        for name, data in files.items():
            write_atomic(folder / name, data)
        for old in earlier - files.keys():
            (folder / old).unlink(missing_ok=True)
    except OSError:
        raise InvalidParameter(_NOT_WRITABLE) from None
    return list(files)


def check_writable(folder: Path) -> None:
    """Whether files can be put there; nothing is made. Raises InvalidParameter.

    Said before minutes of measuring, not after.
    """
    place = folder.absolute()
    try:
        while not os.path.lexists(place):
            place = place.parent
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError:
        raise InvalidParameter(_NOT_WRITABLE) from None


def unusable_csv(unusable: Sequence[Unusable]) -> bytes:
    """The unusable photos for a spreadsheet, which takes no name for a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["photo", "code", "message"])
    writer.writerows([inert(one.name), one.code, one.message] for one in unusable)
    return (BOM + text.getvalue()).encode("utf-8")


def _pictures_of_earlier(folder: Path) -> set[str]:
    """The plots and faces of a report that is there: beside another's figures they mislead."""
    if not (folder / RECORD).is_file():
        return set()
    return {path.name for path in folder.glob("*.png") if _PICTURE.fullmatch(path.name)}


def _files(found: Evaluation, face_of: FaceOf) -> dict[str, bytes]:
    worst = worst_of(found)
    sheets: dict[tuple[str, bool], bytes] = {}
    for result in found.results:
        for genuine in (True, False):
            of_kind = [p for p in worst if p.embedder == result.embedder and p.genuine == genuine]
            if (drawn := sheet(of_kind, face_of)) is not None:
                sheets[result.embedder, genuine] = drawn
    pictures = plots(found)
    shown = page(found, pictures, worst, sheets)
    said = json.dumps(record(found, worst), indent=1, allow_nan=False, ensure_ascii=False)
    named = {
        f"worst-{'one-person' if genuine else 'two-people'}-{embedder}.png": data
        for (embedder, genuine), data in sheets.items()
    }
    return {
        PAGE: shown.encode("utf-8"),
        RECORD: said.encode("utf-8"),
        UNUSABLE: unusable_csv(found.unusable),
        **{f"{name}.png": data for name, data in pictures.items()},
        **named,
    }
