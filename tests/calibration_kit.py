"""Calibrations made by hand, for tests of what is done with them."""

from core.types import EmbeddingSpec
from db import calibrations
from db.calibration_models import Calibration
from db.session import Database


def row(
    threshold: float,
    kind: str = "fmr",
    target: float = 0.01,
    gallery_size: int | None = None,
    bound: float = 0.01,
) -> Calibration:
    """A calibration that is not recorded yet."""
    return Calibration(
        threshold=threshold,
        target_kind=kind,
        target=target,
        gallery_size=gallery_size,
        fmr_low=bound / 10,
        fmr_high=bound * 1.2,
        fmr_bound=bound,
        impostors=1000,
        false_matches=3,
        genuine=50,
        false_non_matches=1,
        people=46,
        data_kind="folder",
        data_sha256="a" * 64,
        tool="test",
        created_by="ann",
    )


def recorded(
    database: Database, spec: EmbeddingSpec, made: Calibration, instead_of: int | None = None
) -> int:
    """Its number, once it is in force."""
    with database.write() as session:
        return calibrations.add(session, spec, made, instead_of).id
