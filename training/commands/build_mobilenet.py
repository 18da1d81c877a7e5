"""`build-mobilenet [DATASET]`: MobileNetV2 to 128 numbers, trained on people where they are given.

Without DATASET it is only built: nothing may be recognized by it, and its files say so.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

import numpy as np

from core.errors import InvalidParameter
from pipeline.models.custom import ManifestInput
from pipeline.models.network_input import Alignment, Layout, OnnxInput
from training.augmentation import Level
from training.commands.at_hand import (
    Commands,
    add_dataset,
    check_out,
    command,
    looking,
    pictures_of,
    say,
    say_left_out,
    say_plots,
    settings_here,
    staged,
)
from training.commands.metric_options import add_metric, metric_terms, plan
from training.metric_results import comparison, course_json, how_it_stands, part_json, plots
from training.mobilenet import ALPHAS, IMAGENET, RANDOM, Shape, build
from training.provenance import NETWORK, HeldOut, Provenance, why_untrained, write
from training.teaching import Taught, teach
from training.views import Crops
from training.written import as_json, dataset_digest, now, versions, write_files

_HALF = (0.5, 0.5, 0.5)
_LICENSE = "Apache-2.0 (Keras's MobileNetV2); the weights are yours"


def declare(commands: Commands) -> None:
    says = "Build MobileNetV2 with 128 numbers for devices, and train it."
    parser = command(commands, "build-mobilenet", says, _run)
    add_dataset(parser, "training_mobilenet", Level.LIGHT, is_needed=False)
    add = parser.add_argument
    add("--alpha", type=float, default=0.35, help=f"width: {', '.join(map(str, ALPHAS))} (0.35)")
    add("--side", type=int, default=112, help="pixels of a face's sides (112)")
    add("--weights", default=RANDOM, help="random, imagenet (downloaded), or Keras's file (random)")
    add("--unfreeze", type=int, default=0, help="last layers of the backbone that learn too (0)")
    add_metric(parser, rate=0.003)


def _run(given: argparse.Namespace) -> None:
    shape = _shape(given)
    check_out(given.out, given.dataset)
    if given.dataset is None:
        network = build(shape).network
        provenance = _untrained(shape, given)
    else:
        taught = _taught(given, shape)
        network, provenance = taught.built.network, _provenance(taught, shape, given)
        _write_results(given, taught)
    network.save(given.out / NETWORK)
    write(given.out, provenance)
    if provenance.trained:
        say(how_it_stands(provenance))
    else:
        say([f"The network may name nobody: {provenance.reason}"])
    say([f"The network is {given.out / NETWORK}; next:"])
    photos = given.dataset or "DATASET"
    say([f"python -m training convert {given.out} --photos {photos} --out NETWORK"])


def _taught(given: argparse.Namespace, shape: Shape) -> Taught:
    terms, asked = metric_terms(given), plan(given)
    maker = Crops(_pixels(shape), given.augmentation).maker()
    with staged("build-mobilenet") as on_progress:
        pictures = pictures_of(given.dataset)
        samples = looking(settings_here()).at(pictures, maker, on_progress=on_progress)
        taught = teach(samples, shape, asked, terms, layers=given.unfreeze, on_progress=on_progress)
    say_left_out(samples.left_out)
    say(comparison(taught.before, taught.after))
    say_plots()
    return taught


def _write_results(given: argparse.Namespace, taught: Taught) -> None:
    values: dict[str, object] = {
        "trained_at": now(),
        "versions": versions(),
        "shape": asdict(_shape(given)),
        "augmentation": given.augmentation.value,
        "loss": given.loss.value,
        "unfrozen": given.unfreeze,
        "dataset_sha256": _digest(taught),
        "left_out": [[one.name, one.code] for one in taught.samples.left_out],
        "part": part_json(_sizes(taught), taught.before, taught.after),
        "courses": [course_json(course) for course in taught.courses],
    }
    pictures = plots(taught.before, taught.after, taught.courses)
    write_files(given.out, {"results.json": as_json(values), **pictures})


def _shape(given: argparse.Namespace) -> Shape:
    if given.weights not in (RANDOM, IMAGENET) and not Path(given.weights).is_file():
        raise InvalidParameter("--weights is random, imagenet, or a file that is there")
    if not 32 <= given.side <= 512 or given.unfreeze < 0:
        raise InvalidParameter("--side is from 32 to 512, --unfreeze at least 0")
    return Shape(given.alpha, given.side, given.dims, given.weights, given.seed)


def _pixels(shape: Shape) -> OnnxInput:
    return OnnxInput(shape.side_px, Layout.NHWC, _HALF, _HALF, Alignment.ARCFACE)


def _provenance(taught: Taught, shape: Shape, given: argparse.Namespace) -> Provenance:
    reason = why_untrained(taught.after)
    of = f"the last {given.unfreeze} layers and a head" if given.unfreeze else "a head"
    train, *_ = _sizes(taught)
    return _untrained(shape, given).model_copy(
        update={
            "trained": not reason,
            "reason": reason,
            "how": f"{of} on MobileNetV2 of {_words(shape)} by {given.loss}, augmentation"
            f" {given.augmentation}",
            "people": train,
            "photos": len(taught.split.train),
            "dataset_sha256": _digest(taught),
            "held_out": HeldOut.of(taught.after),
            "threshold": taught.after.threshold,
        }
    )


def _untrained(shape: Shape, given: argparse.Namespace) -> Provenance:
    return Provenance(
        title=f"MobileNetV2 {shape.alpha:g}, {shape.dimensions} numbers",
        license=_LICENSE,
        trained=False,
        reason="it was built and never trained on faces",
        how=f"MobileNetV2 of {_words(shape)}, not trained, seed {given.seed}",
        made_at=now(),
        input=ManifestInput(
            side_px=shape.side_px,
            layout=Layout.NHWC,
            mean=_HALF,
            std=_HALF,
            alignment=Alignment.ARCFACE,
        ),
        dimensions=shape.dimensions,
        versions=versions(),
    )


def _words(shape: Shape) -> str:
    return {RANDOM: "random weights", IMAGENET: "ImageNet's weights"}.get(
        shape.weights, "weights from a file"
    )


def _sizes(taught: Taught) -> tuple[int, int, int]:
    split, people = taught.split, taught.samples.people
    train, stop, held_out = (
        len(np.unique(people[rows])) for rows in (split.train, split.stop, split.held_out)
    )
    return train, stop, held_out


def _digest(taught: Taught) -> str:
    samples = taught.samples
    return dataset_digest(samples.sha256s, [samples.names[at] for at in samples.people])
