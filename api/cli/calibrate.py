"""`flask calibrate`: a threshold for the share of errors that is accepted, from labelled faces."""

import getpass
import sys
from pathlib import Path

import click

from api.cli.calibrate_given import check_data, check_target, labelled, target_of
from api.cli.calibrate_report import change_lines, history_line, proposal_lines, standing_lines
from api.cli.group import Group
from api.cli.show import staged
from api.context import services
from api.root import VERSION
from core.access import LOCAL
from core.errors import ConflictError, NotReady
from db import calibrations, faces
from db import gallery as recorded
from evaluation import recording
from evaluation.cache import Cache
from evaluation.calibrating import (
    Compared,
    DataKind,
    Target,
    of_dataset,
    of_gallery,
    propose,
)
from evaluation.calibration import Proposal
from evaluation.datasets.dataset import Dataset
from evaluation.embedding import Embedding, Limits, OnProgress, Taken
from evaluation.enrolled import enrolled
from pipeline.analyzer import Analyzer
from pipeline.standing import standing
from pipeline.thresholds import Threshold, threshold_of

calibrate = Group("calibrate", help="Thresholds measured on labelled faces.")

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_BATCH = 100
embedder_option = click.option("--embedder", help="Another network than the gallery's.")
by_option = click.option("--by", help="Who does it; by default, the user of this machine.")


@calibrate.command("propose")
@click.option("--fmr", type=float, help="Share of comparisons of two people that may match.")
@click.option("--fpir", type=float, help="Share of searches for strangers that may give a name.")
@click.option("--dataset", type=_FOLDER, help="Labelled photos: FOLDER/<person>/<photo>.")
@click.option("--pairs", type=_FILE, help="Labelled pairs: a CSV, or LFW's pairs.txt.")
@click.option("--photos", type=_FOLDER, help="Folder of the pairs' photos; else the list's own.")
@click.option("--gallery", is_flag=True, help="The enrolled faces.")
@click.option("--faces", "size", type=click.IntRange(1, 10**9), help="Size of the gallery to come.")
@click.option("--one-face", is_flag=True, help="Leave photos of several faces out.")
@embedder_option
@by_option
@click.option("--record", is_flag=True, help="Put it into force without asking.")
def propose_one(
    *,
    fmr: float | None,
    fpir: float | None,
    dataset: Path | None,
    pairs: Path | None,
    photos: Path | None,
    gallery: bool,
    size: int | None,
    one_face: bool,
    embedder: str | None,
    by: str | None,
    record: bool,
) -> None:
    """Propose a threshold and show what it would change; --record puts it into force."""
    check_target(fmr, fpir)
    check_data(dataset, pairs, photos, gallery=gallery)
    given = None if gallery else labelled(dataset, pairs, photos)
    analyzer = _analyzer(embedder)
    target = target_of(fmr, fpir, size or _faces())
    with staged("calibrating") as on_progress:
        if given is None:
            found = _of_gallery(analyzer)
        else:
            found = _of_photos(analyzer, *given, one_face=one_face, on_progress=on_progress)
        proposal, now = propose(found, target), _now(analyzer)
        changes = change_lines(services().database, analyzer.spec, now.value, proposal, on_progress)
    for line in (*proposal_lines(found, target, proposal, now, _faces()), *changes):
        click.echo(line)
    if not record and (why := _why_refused(found, target, proposal, now)) is not None:
        click.echo(f"Nothing is recorded, and would not be: {why}")
        return
    recording.check_proposal(found, target, proposal, now)
    if not record and not _is_wanted():
        click.echo("Nothing is recorded; --record puts it into force.")
        return
    row = recording.record(
        services().database,
        analyzer.spec,
        found,
        target,
        proposal,
        now=now,
        by=_by(by),
        tool=f"kenal {VERSION}",
    )
    click.echo(f"Recorded as calibration {row.id}.")
    _echo_standing(analyzer)


@calibrate.command("show")
@embedder_option
def show(embedder: str | None) -> None:
    """The threshold in force, where it comes from, and how many strangers it lets through."""
    _echo_standing(_analyzer(embedder))


@calibrate.command("history")
def history() -> None:
    """Every calibration, newest first; one a line, tabs between."""
    before: int | None = None
    while True:
        with services().database.read() as session:
            rows = calibrations.page(session, before, _BATCH)
            if not rows and before is None:
                click.echo("No calibration is recorded.", err=True)
            lines = [history_line(row, str(space.fields["embedder"])) for row, space in rows]
            before = rows[-1][0].id if rows else None
        for line in lines:
            click.echo(line)
        if before is None:
            return


@calibrate.command("withdraw")
@click.argument("calibration_id", type=int)
@embedder_option
@by_option
def withdraw(calibration_id: int, embedder: str | None, by: str | None) -> None:
    """Take a calibration out of force: the one before it counts again, or the network's own."""
    analyzer = _analyzer(embedder)
    recording.withdraw(services().database, analyzer.spec, calibration_id, _by(by))
    click.echo(f"Calibration {calibration_id} is withdrawn.")
    _echo_standing(analyzer)


def _of_photos(
    analyzer: Analyzer,
    kind: DataKind,
    dataset: Dataset,
    *,
    one_face: bool,
    on_progress: OnProgress,
) -> Compared:
    settings = services().settings
    analyzer.load()
    least = f"{settings.min_face_px:g}-{settings.min_face_part:g}"
    cache = Cache(settings.data_dir / "evaluation" / "embeddings", least)
    limits = Limits(settings.max_upload_bytes, settings.max_image_pixels)
    embedding = Embedding({analyzer.spec.embedder: analyzer}, limits, cache)
    taken = Taken.ONLY if one_face else Taken.LARGEST
    return of_dataset(kind, dataset, embedding, taken, on_progress)


def _of_gallery(analyzer: Analyzer) -> Compared:
    return of_gallery(enrolled(services().database, analyzer.spec), analyzer.spec)


def _why_refused(found: Compared, target: Target, proposal: Proposal, now: Threshold) -> str | None:
    try:
        recording.check_proposal(found, target, proposal, now)
    except ConflictError as error:
        return error.message
    return None


def _echo_standing(analyzer: Analyzer) -> None:
    own = services()
    with own.database.read() as session:
        found = standing(session, own.settings, analyzer.spec, analyzer.default_threshold)
        row = calibrations.in_force(session, analyzer.spec)
        lines = standing_lines(found, row, analyzer.spec.embedder)
    for line in lines:
        click.echo(line)


def _now(analyzer: Analyzer) -> Threshold:
    own = services()
    with own.database.read() as session:
        return threshold_of(session, own.settings, analyzer.spec, analyzer.default_threshold)


def _faces() -> int:
    """How many faces are enrolled, in whatever space."""
    with services().database.read() as session:
        return faces.count(session)


def _analyzer(embedder: str | None) -> Analyzer:
    """That of the gallery's network, or of the one that was named; not loaded."""
    own = services()
    if embedder is not None:
        return own.analyzer(embedder)
    with own.database.read() as session:
        chosen = recorded.chosen(session)
    if chosen is None:
        raise NotReady("no network is chosen for this gallery yet; run: flask models prepare")
    analyzer = own.analyzer(chosen.embedder)
    if analyzer.spec != chosen.spec:
        raise ConflictError("the network has changed since the gallery was enrolled with it")
    return analyzer


def _is_wanted() -> bool:
    return sys.stdin.isatty() and click.confirm("Put it into force?")


def _by(given: str | None) -> str:
    if given:
        return given[:64]
    try:
        return getpass.getuser()[:64]
    except (KeyError, OSError):
        return LOCAL.name
