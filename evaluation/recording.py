"""A proposal becomes the calibration in force, or is not let: and how one is withdrawn."""

from core.access import LOCAL
from core.errors import ConflictError, InvalidParameter
from core.types import EmbeddingSpec
from db import audit, calibrations
from db.calibration_models import Calibration
from db.session import Database
from evaluation.calibrating import Compared, DataKind, Target
from evaluation.calibration import Proposal
from pipeline.thresholds import Threshold

_ROUNDING = 1e-9
"""Of the bound, which is found by halving."""


def check_proposal(found: Compared, target: Target, proposal: Proposal, now: Threshold) -> None:
    """Raises ConflictError for a threshold that the data does not bear."""
    if not proposal.bound <= target.fmr * (1 + _ROUNDING):
        raise ConflictError(
            f"the data does not show an FMR below {target.fmr:.3g}, only below {proposal.bound:.3g}"
        )
    if found.kind is DataKind.GALLERY and proposal.threshold < now.value:
        raise ConflictError(
            f"the enrolled photos would lower the threshold from {now.value:.4f} to"
            f" {proposal.threshold:.4f}: they were let in by it, and are better than a camera's."
            " To lower it, calibrate on labelled photos: --dataset or --pairs"
        )


def record(
    database: Database,
    spec: EmbeddingSpec,
    found: Compared,
    target: Target,
    proposal: Proposal,
    *,
    now: Threshold,
    by: str,
    tool: str,
) -> Calibration:
    """Put a proposal into force for its own space; `now` is the threshold that was shown.

    Raises ConflictError as `check_proposal`, or where another calibration came meanwhile.
    """
    check_proposal(found, target, proposal, now)
    row = _row(found, target, proposal)
    row.created_by, row.tool = by, tool
    with database.write() as session:
        calibrations.add(session, spec, row, instead_of=now.calibration)
        details = {"threshold": row.threshold, "embedder": spec.embedder, "by": by}
        audit.note(session, LOCAL, "calibration.record", str(row.id), details=details)
    return row


def withdraw(database: Database, spec: EmbeddingSpec, calibration_id: int, by: str) -> Calibration:
    """Take a calibration out of force; raises as `calibrations.withdraw`."""
    with database.write() as session:
        row = calibrations.withdraw(session, spec, calibration_id, by)
        details = {"embedder": spec.embedder, "by": by}
        audit.note(session, LOCAL, "calibration.withdraw", str(row.id), details=details)
    return row


def _row(found: Compared, target: Target, proposal: Proposal) -> Calibration:
    if proposal.rate.trials != found.impostors.similarities.size:
        raise InvalidParameter("a proposal is recorded with the data that it was made of")
    return Calibration(
        threshold=proposal.threshold,
        target_kind=target.kind,
        target=target.value,
        gallery_size=target.gallery_size,
        fmr_low=proposal.interval.low,
        fmr_high=proposal.interval.high,
        fmr_bound=proposal.bound,
        impostors=proposal.rate.trials,
        false_matches=proposal.rate.errors,
        genuine=proposal.fnmr.trials if proposal.fnmr else 0,
        false_non_matches=proposal.fnmr.errors if proposal.fnmr else 0,
        people=found.people,
        data_kind=found.kind,
        data_sha256=found.sha256,
    )
