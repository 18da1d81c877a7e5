"""What the commands share: settings, photos looked at, options, progress, words."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from core.errors import InvalidParameter, ModelUnavailable
from core.settings import Settings, load_settings
from evaluation.cache import Cache
from evaluation.datasets.dataset import Picture
from evaluation.datasets.folders import from_folders
from evaluation.embedding import Limits, OnProgress, Unusable, refusals
from evaluation.report.write import check_writable
from pipeline.analyzer import LeastFace
from pipeline.builder import build_detector, build_embedder
from pipeline.embedders.embedder import Embedder
from pipeline.models.entry import AUTO, ModelEntry
from pipeline.models.prepared import is_ready
from pipeline.models.registry import DLIB, FACENET, MOBILEFACENET, find
from training.augmentation import Level
from training.drawing import WITHOUT_PLOTS, has_plots
from training.looking import Looking, Samples
from training.views import Backbone

_BY_ITSELF = (FACENET.id, DLIB.id, MOBILEFACENET.id)


class Commands(Protocol):
    """Where commands are declared; argparse has no public name for it."""

    def add_parser(self, name: str, *, help: str, description: str) -> argparse.ArgumentParser: ...


def command(
    commands: Commands,
    name: str,
    says: str,
    run: Callable[[argparse.Namespace], None],
) -> argparse.ArgumentParser:
    """A command's parser, to which it adds what it takes."""
    parser = commands.add_parser(name, help=says, description=says)
    parser.set_defaults(run=run)
    return parser


def add_dataset(
    parser: argparse.ArgumentParser, out: str, level: Level, is_needed: bool = True
) -> None:
    """DATASET and the options of everything that trains on it."""
    several = None if is_needed else "?"
    parser.add_argument("dataset", type=Path, nargs=several, help="DATASET/<person>/<photo>")
    parser.add_argument("--out", type=Path, default=Path(out), help=f"results ({out})")
    parser.add_argument(
        "--augmentation", type=Level, choices=list(Level), default=level, help=f"({level})"
    )
    parser.add_argument("--seed", type=_seed, default=0, help="the same gives the same (0)")


def _seed(text: str) -> int:
    """What numpy, Keras and TensorFlow all take, with some room for a seed of each part."""
    if not text.isascii() or not text.isdigit() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"from 0 to {2**31 - 1}")
    return int(text)


def pictures_of(folder: Path) -> Mapping[str, Picture]:
    """The photos of DATASET; raises InvalidParameter."""
    if not folder.is_dir():
        raise InvalidParameter("DATASET is a folder with a folder for each person in it")
    return from_folders(folder).pictures


def check_out(out: Path, dataset: Path | None) -> None:
    """Makes the folder of results, before what takes minutes.

    Raises InvalidParameter where they would be taken for a person's photos, or cannot be written.
    """
    if dataset is not None and dataset.resolve() in (out.resolve(), *out.resolve().parents):
        raise InvalidParameter("--out is a folder outside of DATASET")
    check_writable(out)
    out.mkdir(parents=True, exist_ok=True)


def looking(settings: Settings) -> Looking:
    """Who finds faces, loaded; raises ModelUnavailable."""
    detector = build_detector(settings)
    detector.load()
    limits = Limits(settings.max_upload_bytes, settings.max_image_pixels)
    return Looking(detector, limits, LeastFace(settings.min_face_px, settings.min_face_part))


def add_embedder(parser: argparse.ArgumentParser) -> None:
    """--embedder, the frozen network."""
    known = ", ".join(_BY_ITSELF)
    says = f"the frozen network, or {AUTO}: the first of {known} that is prepared ({AUTO})"
    parser.add_argument("--embedder", default=AUTO, help=says)


def embedder_of(name: str, settings: Settings) -> tuple[ModelEntry, Embedder]:
    """A network of the registry, loaded; raises NotFound and ModelUnavailable."""
    entry = _first_ready(settings) if name == AUTO else find(name, settings)
    embedder = build_embedder(entry, settings)
    embedder.load()
    return entry, embedder


def _first_ready(settings: Settings) -> ModelEntry:
    for name in _BY_ITSELF:
        entry = find(name, settings)
        if is_ready(entry, settings.models_path):
            return entry
    raise ModelUnavailable(f"no network is prepared; run: flask models prepare {DLIB.id}")


def embedded_people(
    settings: Settings, embedder: Embedder, folder: Path, level: Level, on_progress: OnProgress
) -> Samples:
    """Every view of every usable photo by `embedder`, from the cache where it was seen before."""
    least = f"{settings.min_face_px:g}-{settings.min_face_part:g}"
    cache = Cache(settings.data_dir / "training" / "embeddings", least)
    maker = Backbone(embedder, level, cache).maker()
    return looking(settings).at(pictures_of(folder), maker, on_progress=on_progress)


def settings_here() -> Settings:
    return load_settings()


@contextmanager
def staged(title: str) -> Iterator[OnProgress]:
    """A bar for each stage in a terminal; elsewhere a line as each stage ends."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bars = Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal
    )
    tasks: dict[str, TaskID] = {}
    with bars as progress:

        def on_progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(f"{title}: {stage}", total=total)
            progress.update(tasks[stage], completed=done, total=total)
            if done == total and not console.is_terminal:
                sys.stderr.write(f"{title}: {stage}, {done} done\n")

        yield on_progress


def say(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def say_left_out(left_out: Sequence[Unusable]) -> None:
    if left_out:
        codes = ", ".join(f"{count} {code}" for code, count in refusals(left_out).items())
        say([f"{len(left_out)} photos are left out ({codes}): results.json names them"])


def say_plots() -> None:
    if not has_plots():
        sys.stderr.write(f"{WITHOUT_PLOTS}\n")
