"""Thresholds that were calibrated on labelled faces, and what they were measured on."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Double

from db.base import AUTOINCREMENT, Base, UtcDateTime


class Calibration(Base):
    """A threshold of one space; a row is never changed, but once withdrawn.

    In force is the newest of its space that was not withdrawn. `target` is a share of what
    `target_kind` says, of `gallery_size` faces where that is FPIR. All rates are those of the
    comparisons of two people and of one at `threshold`: the true FMR lies between `fmr_low` and
    `fmr_high`, and below `fmr_bound`, with 95 % confidence. `data_kind` and `data_sha256` tell
    what was compared, and nothing of where it lies or whom it shows.
    """

    __tablename__ = "calibrations"
    __table_args__ = (Index(None, "spec_id", "withdrawn_at", "id"), AUTOINCREMENT)

    id: Mapped[int] = mapped_column(primary_key=True)
    spec_id: Mapped[int] = mapped_column(ForeignKey("specs.id"))
    threshold: Mapped[float] = mapped_column(Double)
    target_kind: Mapped[str] = mapped_column(String(8))
    target: Mapped[float] = mapped_column(Double)
    gallery_size: Mapped[int | None]
    fmr_low: Mapped[float] = mapped_column(Double)
    fmr_high: Mapped[float] = mapped_column(Double)
    fmr_bound: Mapped[float] = mapped_column(Double)
    impostors: Mapped[int]
    false_matches: Mapped[int]
    genuine: Mapped[int]
    false_non_matches: Mapped[int]
    people: Mapped[int]
    data_kind: Mapped[str] = mapped_column(String(16))
    data_sha256: Mapped[str] = mapped_column(String(64))
    tool: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(64))
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_by: Mapped[str | None] = mapped_column(String(64))
