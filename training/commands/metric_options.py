"""The options of everything that trains an embedding."""

import argparse

from core.errors import InvalidParameter
from training.losses import LossName
from training.metric import MetricTerms
from training.splitting import Plan


def add_metric(parser: argparse.ArgumentParser, rate: float) -> None:
    add = parser.add_argument
    add("--loss", type=LossName, choices=list(LossName), default=LossName.ARCFACE, help="(arcface)")
    add("--epochs", type=int, default=40, help="at most (40)")
    add("--patience", type=int, default=8, help="epochs without getting better (8)")
    add("--rate", type=float, default=rate, help=f"learning rate ({rate:g})")
    add("--margin", type=float, default=0.3, help="ArcFace's, in radians (0.3)")
    add("--folds", type=int, default=5, help="parts of the people (5)")
    add("--fmr", type=float, default=0.001, help="the FMR a threshold is asked for (0.001)")
    add("--dims", type=int, default=128, help="numbers of an embedding (128)")


def metric_terms(given: argparse.Namespace) -> MetricTerms:
    """Raises InvalidParameter."""
    is_sound = (
        given.epochs >= 1
        and given.patience >= 1
        and given.rate > 0
        and 0 <= given.margin < 1
        and 2 <= given.dims <= 4096
    )
    if not is_sound:
        raise InvalidParameter(
            "--epochs and --patience are at least 1, --rate is positive, --margin from 0 to 1,"
            " --dims from 2 to 4096"
        )
    return MetricTerms(
        loss=given.loss,
        epochs=given.epochs,
        patience=given.patience,
        rate=given.rate,
        margin=given.margin,
        seed=given.seed,
    )


def plan(given: argparse.Namespace) -> Plan:
    """Raises InvalidParameter."""
    if not 0 < given.fmr < 1:
        raise InvalidParameter("--fmr is a part of one")
    return Plan(given.folds, given.fmr)
