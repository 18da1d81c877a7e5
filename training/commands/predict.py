"""`predict MODEL PHOTO...`: the names of the largest faces, or none."""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from core.errors import EmptyFile, FileError, ModelError, PhotoError, TooLarge
from core.files import read_regular
from core.types import Matrix
from evaluation.crops import largest_face
from pipeline.embedders.embedder import Embedder
from pipeline.images.decode import decode
from training.commands.at_hand import Commands, command, embedder_of, looking, say, settings_here
from training.looking import Looking
from training.predicting import UNKNOWN, Prediction, check_space, predict
from training.saved import Classifier, Record, load
from training.written import as_json, percent, table, write_files


def declare(commands: Commands) -> None:
    parser = command(commands, "predict", "Name photos by a trained classifier.", _run)
    parser.add_argument("model", type=Path, help="the folder that classify wrote")
    parser.add_argument("photos", type=Path, nargs="+", metavar="PHOTO")
    parser.add_argument("--out", type=Path, help="folder for predictions.json")


def _run(given: argparse.Namespace) -> None:
    model = load(given.model)
    settings = settings_here()
    _, embedder = embedder_of(model.record.embedder, settings)
    check_space(model, embedder.spec.digest)
    look = looking(settings)
    found = [(path.name, _predicted(path, model, embedder, look)) for path in given.photos]
    head = ["photo", "name", "nearest", "softmax", "similarity"]
    say(table(head, [_row(photo, one) for photo, one in found]))
    say(_knows(model.record))
    if given.out is not None:
        said = [
            {"photo": photo, **({"refused": one} if isinstance(one, str) else asdict(one))}
            for photo, one in found
        ]
        write_files(given.out, {"predictions.json": as_json({"predictions": said})})


def _predicted(
    path: Path, model: Classifier, embedder: Embedder, look: Looking
) -> Prediction | str:
    """What the model says, or the code of what is wrong with the photo."""
    try:
        (prediction,) = predict(model, _embedded(path, embedder, look))
    except (PhotoError, FileError, EmptyFile, TooLarge, ModelError) as error:
        return error.code
    return prediction


def _embedded(path: Path, embedder: Embedder, look: Looking) -> Matrix:
    data, _ = read_regular(path, look.limits.max_bytes)
    photo = decode(data, look.limits.max_pixels)
    return embedder.embed(
        photo.rgb, [largest_face(look.detector, photo, look.least_face.of(photo))]
    )


def _knows(record: Record) -> Iterator[str]:
    """Whom it can name at all, and how little is known of strangers."""
    yield f"It knows the {len(record.people)} people it was trained on, and nobody else."
    yield "Where a photo shows several faces, the largest is named."
    if not record.is_threshold_shown:
        yield (
            f"Too few strangers were there to say that at most {percent(record.target)} of them"
            " get a name: a name may be a stranger's."
        )


def _row(photo: str, one: Prediction | str) -> list[str]:
    if isinstance(one, str):
        return [photo, "-", one, "-", "-"]
    return [
        photo,
        UNKNOWN if one.name is None else one.name,
        one.nearest,
        f"{one.softmax:.3f}",
        f"{one.similarity:.3f}",
    ]
