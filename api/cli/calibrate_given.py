"""What `flask calibrate propose` is given: checked before any work is begun."""

from pathlib import Path

from core.errors import InvalidParameter
from evaluation.calibrating import DataKind, Target, TargetKind, check_share
from evaluation.datasets.dataset import Dataset
from evaluation.datasets.folders import from_folders
from evaluation.datasets.pairs import from_csv, from_lfw


def check_target(fmr: float | None, fpir: float | None) -> None:
    """Raises InvalidParameter unless there is one target, and a share."""
    given = [value for value in (fmr, fpir) if value is not None]
    if len(given) != 1:
        raise InvalidParameter("say one target: --fmr or --fpir")
    check_share(given[0])


def check_data(
    dataset: Path | None, pairs: Path | None, photos: Path | None, *, gallery: bool
) -> None:
    """Raises InvalidParameter unless there is one kind of data."""
    if gallery and any(other is not None for other in (dataset, pairs, photos)):
        raise InvalidParameter("--gallery is measured alone: without --dataset, --pairs, --photos")
    if not gallery and (dataset is None) == (pairs is None):
        raise InvalidParameter("say what to measure on: --dataset, --pairs or --gallery")


def target_of(fmr: float | None, fpir: float | None, size: int) -> Target:
    """The one that is given; of `size` faces for an FPIR. Raises as Target."""
    if fmr is not None:
        return Target(TargetKind.FMR, fmr)
    assert fpir is not None
    return Target(TargetKind.FPIR, fpir, size)


def labelled(
    dataset: Path | None, pairs: Path | None, photos: Path | None
) -> tuple[DataKind, Dataset]:
    """The photos or pairs that are given, listed and not read; raises as their layouts."""
    if dataset is not None:
        return DataKind.FOLDER, from_folders(dataset)
    assert pairs is not None
    read = from_lfw if pairs.suffix.lower() == ".txt" else from_csv
    return DataKind.PAIRS, read(pairs, photos or pairs.parent)
