"""The ledger as a file: `_report.csv` in the drop folder, for those who have only FTP."""

import csv
import io
from pathlib import Path

from core.csv_text import inert
from core.files import write_atomic
from db import photos
from db.models import PhotoRow
from db.session import Database

REPORT_NAME = "_report.csv"
_COLUMNS = ("path", "user_id", "status", "code", "message", "face_id", "present", "updated_at")


def write_report(database: Database, drop: Path) -> None:
    """Write the whole ledger, one row a file, atomically; KenalError as for the database."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    with database.read() as session:
        writer.writerows(_cells(row) for row in photos.all_by_path(session))
    # The mark tells spreadsheets that the names are UTF-8.
    write_atomic(drop / REPORT_NAME, text.getvalue().encode("utf-8-sig"))


def _cells(row: PhotoRow) -> list[str]:
    values = (
        row.path,
        row.user_id,
        row.status,
        row.code,
        row.message,
        row.face_id,
        "yes" if row.present else "no",
        row.updated_at.isoformat(timespec="seconds"),
    )
    return [inert("" if value is None else str(value)) for value in values]
