"""`classify DATASET`: a closed-set classifier, by parts, beside what needs no training."""

import argparse
from dataclasses import replace

from core.errors import InvalidParameter
from core.types import Similarity
from training.augmentation import Level
from training.classified import lines, middles, record, results
from training.classifying import SIGNS, Terms, classify
from training.commands.at_hand import (
    Commands,
    add_dataset,
    add_embedder,
    check_out,
    command,
    embedded_people,
    embedder_of,
    say,
    say_left_out,
    say_plots,
    settings_here,
    staged,
)
from training.drawing import classification_plots
from training.head import HeadTerms
from training.saved import save
from training.written import as_json, write_files


def declare(commands: Commands) -> None:
    parser = command(commands, "classify", "Train a classifier of these people.", _run)
    add_dataset(parser, "training_classify", Level.LIGHT)
    add = parser.add_argument
    add_embedder(parser)
    add("--folds", type=int, default=5, help="parts, each held out once (5)")
    add("--epochs", type=int, default=100, help="at most (100)")
    add("--patience", type=int, default=10, help="epochs without getting better (10)")
    add("--smoothing", type=float, default=0.1, help="of the labels (0.1)")
    add("--hidden", type=int, default=0, help="units of a hidden layer, 0 for none (0)")
    add("--strangers", type=float, default=0.01, help="part that may get a name (0.01)")
    add("--refuse-by", choices=SIGNS, default="centroid", help="the sign (centroid)")


def _run(given: argparse.Namespace) -> None:
    terms = _terms(given)
    check_out(given.out, given.dataset)
    settings = settings_here()
    _, embedder = embedder_of(given.embedder, settings)
    with staged("classify") as on_progress:
        samples = embedded_people(
            settings, embedder, given.dataset, given.augmentation, on_progress
        )
        if embedder.spec.similarity is Similarity.COSINE:
            terms = replace(terms, least_cosine=embedder.default_threshold)
        found = classify(samples, terms, on_progress)
    files = {"results.json": as_json(results(found, embedder.spec, given.augmentation))}
    write_files(given.out, {**files, **classification_plots(found)})
    head = found.folds[found.best].trained.model
    save(
        given.out / "model", record(found, embedder.spec, given.augmentation), head, middles(found)
    )
    say_left_out(samples.left_out)
    say(lines(found))
    say([f"The model of part {found.best + 1} is {given.out / 'model'}, results in {given.out}"])
    say_plots()


def _terms(given: argparse.Namespace) -> Terms:
    is_sound = (
        given.epochs >= 1
        and given.patience >= 1
        and given.hidden >= 0
        and 0 <= given.smoothing < 1
        and 0 < given.strangers < 1
    )
    if not is_sound:
        raise InvalidParameter(
            "--epochs and --patience are at least 1, --hidden 0; --smoothing and --strangers are"
            " parts of one"
        )
    head = HeadTerms(
        epochs=given.epochs,
        patience=given.patience,
        smoothing=given.smoothing,
        hidden=given.hidden,
        seed=given.seed,
    )
    return Terms(given.folds, given.strangers, given.refuse_by, head=head)
