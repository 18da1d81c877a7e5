"""`flask evaluate`: how well networks tell people apart, on labelled photos or the gallery."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from api.cli.group import Group
from api.cli.show import staged
from api.context import services
from core.errors import InvalidParameter, KenalError, NotReady
from core.files import write_atomic
from core.names import printable
from core.settings import Settings
from core.types import EmbeddingSpec
from db import gallery as recorded
from db.gallery import Chosen
from evaluation.cache import Cache
from evaluation.crops import CropTerms, crop_all
from evaluation.datasets.dataset import Dataset
from evaluation.datasets.folders import from_folders
from evaluation.datasets.pairs import from_csv, from_lfw
from evaluation.embedding import Embedding, Limits, Taken, Unusable, refusals
from evaluation.enrolled import enrolled
from evaluation.evaluate import Evaluation, evaluate_rows
from evaluation.evaluate import evaluate as evaluate_dataset
from evaluation.report.copies import warnings
from evaluation.report.plots import WITHOUT_PLOTS, has_plots
from evaluation.report.table import lines, of_people
from evaluation.report.worst import FaceOf, Faces
from evaluation.report.write import PAGE, UNUSABLE, check_writable, unusable_csv, write_report
from pipeline.analyzer import build_analyzer
from pipeline.builder import build_detector
from pipeline.decision import Rule
from pipeline.models.entry import Role
from pipeline.models.prepare import ready
from pipeline.models.registry import find, model_ids
from pipeline.thresholds import Origin, Threshold, threshold_of

evaluate = Group("evaluate", help="How well the networks tell people apart.")

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_TARGET = click.Path(file_okay=False, path_type=Path)
_REPORT = "evaluation_report"
embedders_option = click.option(
    "--embedder", "embedders", multiple=True, help="A network; repeated, side by side. All here."
)
out_option = click.option(
    "--out", type=_TARGET, default=_REPORT, show_default=True, help="Folder of the report."
)
faces_option = click.option(
    "--one-face", is_flag=True, help="Leave photos of several faces out; else the largest counts."
)


@evaluate.command("folder")
@click.argument("folder", type=_FOLDER)
@embedders_option
@out_option
@faces_option
def of_folder(folder: Path, embedders: Sequence[str], out: Path, one_face: bool) -> None:
    """Labelled photos, a folder for each person: FOLDER/<person>/<photo>."""
    _evaluated(folder.resolve().name, from_folders(folder), embedders, out, one_face)


@evaluate.command("pairs")
@click.argument("file", type=_FILE)
@click.option("--photos", type=_FOLDER, help="Folder of the photos; by default the list's own.")
@embedders_option
@out_option
@faces_option
def of_pairs(
    file: Path, photos: Path | None, embedders: Sequence[str], out: Path, one_face: bool
) -> None:
    """Labelled pairs: a CSV of file_x,file_y,label, or LFW's pairs.txt with its ten parts."""
    read = from_lfw if file.suffix.lower() == ".txt" else from_csv
    dataset = read(file, photos or file.parent)
    _evaluated(file.name, dataset, embedders, out, one_face)


@evaluate.command("gallery")
@out_option
def of_gallery(out: Path) -> None:
    """Everybody who is enrolled, by the stored embeddings; no photo is read."""
    check_writable(out)
    own = services()
    chosen = _chosen()
    if chosen is None:
        raise NotReady("no embedder is chosen for this gallery yet; run: flask models prepare")
    default = build_analyzer(chosen.embedder, own.settings).default_threshold
    threshold = _threshold(chosen.spec, default, own.settings)
    with staged("evaluating") as on_progress:
        rows = enrolled(own.database, chosen.spec)
        on_progress("comparing", 0, 1)
        rule = _rule(threshold, own.settings)
        found = evaluate_rows("the enrolled gallery", rows, chosen.spec, rule)
        on_progress("comparing", 1, 1)
    _told(found, out, lambda _: None, {chosen.embedder: threshold})


@evaluate.command("crop")
@click.argument("folder", type=_FOLDER)
@click.option("--out", type=_TARGET, default="Data_Cropped", show_default=True)
@click.option(
    "--min-face",
    type=click.IntRange(20, 1000),
    default=40,
    show_default=True,
    help="Least width of a face, in pixels of the photo.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 2),
    default=0.2,
    show_default=True,
    help="Added on each side, as a part of the face.",
)
@click.option(
    "--size",
    type=click.IntRange(32, 1024),
    default=160,
    show_default=True,
    help="Sides of the saved picture, in pixels.",
)
def crop(folder: Path, out: Path, min_face: int, margin: float, size: int) -> None:
    """Cut the largest face out of each photo of FOLDER/<person>/ and save it as PNG."""
    if folder.resolve() in (out.resolve(), *out.resolve().parents):
        raise InvalidParameter("the faces are saved outside of the folder with the photos")
    check_writable(out)
    settings = services().settings
    dataset = from_folders(folder)
    detector = build_detector(settings)
    detector.load()
    with staged("cropping") as on_progress:
        terms = CropTerms(min_face, margin, size)
        done = crop_all(
            dataset.pictures, out, detector, _limits(settings), terms, on_progress=on_progress
        )
    if done.unusable:
        out.mkdir(parents=True, exist_ok=True)
        write_atomic(out / UNUSABLE, unusable_csv(done.unusable))
    click.echo(f"{done.saved} faces are in {out}")
    _echo_unusable(done.unusable)


def _evaluated(
    title: str, dataset: Dataset, embedders: Sequence[str], out: Path, one_face: bool
) -> None:
    check_writable(out)
    settings = services().settings
    names = list(dict.fromkeys(embedders)) or _ready(settings)
    analyzers = {name: build_analyzer(name, settings) for name in names}
    for analyzer in analyzers.values():
        analyzer.load()
    least = f"{settings.min_face_px:g}-{settings.min_face_part:g}"
    cache = Cache(settings.data_dir / "evaluation" / "embeddings", least)
    thresholds = {
        name: _threshold(analyzer.spec, analyzer.default_threshold, settings)
        for name, analyzer in analyzers.items()
    }
    rules = {name: _rule(threshold, settings) for name, threshold in thresholds.items()}
    taken = Taken.ONLY if one_face else Taken.LARGEST
    embedding = Embedding(analyzers, _limits(settings), cache)
    with staged("evaluating") as on_progress:
        found = evaluate_dataset(
            printable(title), dataset, embedding, rules, taken=taken, on_progress=on_progress
        )
    detector = build_detector(settings)
    faces = Faces(found.pictures, detector, _limits(settings), settings.min_face_px)
    _told(found, out, faces, thresholds)


def _told(
    found: Evaluation, out: Path, face_of: FaceOf, thresholds: Mapping[str, Threshold]
) -> None:
    write_report(found, out, face_of)
    click.echo(f"{found.title}: {len(found.names):,} photos{of_people(found)}")
    _echo_unusable(found.unusable)
    for name, threshold in thresholds.items():
        click.echo(f"{name} judges at {threshold.value:.4f}, {threshold.words}")
    for line in lines(found):
        click.echo(line)
    for warning in warnings(found):
        click.echo(f"warning: {warning}")
    click.echo(f"The report is {out / PAGE}")
    if not has_plots():
        click.echo(WITHOUT_PLOTS, err=True)


def _echo_unusable(unusable: Sequence[Unusable]) -> None:
    if unusable:
        codes = ", ".join(f"{count:,} {code}" for code, count in refusals(unusable).items())
        click.echo(f"{len(unusable):,} photos cannot be used ({codes}): see {UNUSABLE}")


def _rule(threshold: Threshold, settings: Settings) -> Rule:
    """What Kenal would answer by."""
    return Rule(threshold.value, settings.margin, threshold.in_force)


def _threshold(spec: EmbeddingSpec, default: float, settings: Settings) -> Threshold:
    """The one in force of this space, as answers would have it."""
    try:
        with services().database.read() as session:
            return threshold_of(session, settings, spec, default)
    except KenalError:
        return Threshold(default, Origin.NETWORK)  # No database that could say another one.


def _ready(settings: Settings) -> list[str]:
    """Every embedder that is here."""
    found = [name for name in model_ids(settings) if _is_ready_embedder(name, settings)]
    if not found:
        raise NotReady("no network is here; run: flask models prepare, or name one: --embedder")
    return found


def _is_ready_embedder(name: str, settings: Settings) -> bool:
    try:
        return find(name, settings).role is Role.EMBEDDER and ready(name, settings)
    except KenalError:
        return False  # `flask models list` says what is wrong with it.


def _chosen() -> Chosen | None:
    try:
        with services().database.read() as session:
            return recorded.chosen(session)
    except KenalError:
        return None  # A database that is not there yet has chosen nothing.


def _limits(settings: Settings) -> Limits:
    return Limits(settings.max_upload_bytes, settings.max_image_pixels)
