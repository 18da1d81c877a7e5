"""`flask index`: the vector index, which the database can always make anew."""

import click

from api.cli.group import Group
from api.cli.index_report import described
from api.cli.show import staged
from api.context import services
from core.errors import NotReady
from db import gallery as recorded
from index import IndexReport
from pipeline.engine import open_gallery
from pipeline.gallery import LiveGallery
from pipeline.gallery_verify import verify_all
from pipeline.heartbeat import last_beat

index = Group("index", help="The vector index.")


@index.command("status")
def status() -> None:
    """What the index holds, and whether it is well."""
    gallery = _gallery()
    fault = gallery.catch_up()
    if fault is not None:
        click.echo(f"{fault}: it is not searched until it is made anew")
    if gallery.index.problem is not None:
        click.echo(f"damaged: {gallery.index.problem}")
    watcher = last_beat(services().settings)
    work = watcher.work if watcher else None
    for line in described(gallery.index.status(), work):
        click.echo(line)


@index.command("verify")
def verify() -> None:
    """Compare the index with its checksums and with the database; exit code 1 if it differs."""
    gallery = _gallery()
    compared = 0
    with staged("verifying") as on_progress:
        problems = list(gallery.index.verify(on_progress).problems)
        if (fault := gallery.catch_up()) is not None:
            problems.append(fault)
        else:
            verified = verify_all(services().database, gallery, on_progress)
            compared = verified.compared
            problems += verified.problems
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        click.echo("To make it anew: flask index rebuild", err=True)
        click.get_current_context().exit(1)
    click.echo(f"The index is well: {compared} faces are as in the database.")


@index.command("compact")
def compact() -> None:
    """Make one segment of all, without the removed faces; searches go on meanwhile."""
    gallery = _gallery()
    _refuse_faulty(gallery)
    before = gallery.index.status()
    with staged("compacting") as on_progress:
        changed = gallery.index.compact(on_progress)
    click.echo(f"before: {_size(before)}")
    click.echo(f"after:  {_size(gallery.index.status())}")
    if not changed:
        click.echo("There was nothing to compact.")


@index.command("rebuild")
def rebuild() -> None:
    """Make the index anew from the database, as one segment; searches go on meanwhile."""
    gallery = _gallery()
    with staged("rebuilding") as on_progress:
        count = gallery.rebuild(on_progress)
        # A large one has no trees yet.
        gallery.maintain(on_progress)
    click.echo(f"The index is rebuilt: {count} faces.")


@index.command("tune")
@click.option(
    "--target",
    type=click.FloatRange(0.5, 1),
    default=0.99,
    show_default=True,
    help="Share of searches whose best face is to be found.",
)
@click.option(
    "--probes",
    type=click.IntRange(10, 100_000),
    default=200,
    show_default=True,
    help="How many faces are searched to measure it.",
)
def tune(target: float, probes: int) -> None:
    """Measure how often the best face is found, and record the least effort that suffices."""
    gallery = _gallery()
    _refuse_faulty(gallery)
    with staged("tuning") as on_progress:
        report = gallery.index.tune(target, probes, on_progress)
    if report is None:
        click.echo("Every search of this gallery is exact already: nothing to tune.")
        return
    click.echo(f"recall of the best face: {report.recall:.4f} over {report.probes} searches")
    click.echo(f"time of a search: {report.p50_ms:.2f} ms (median), {report.p99_ms:.2f} ms (99 %)")
    click.echo(f"Recorded: the least effort found for a recall of {report.target:g}.")


def _size(report: IndexReport) -> str:
    size = sum(segment.bytes for segment in report.segments)
    stored = sum(segment.count for segment in report.segments)
    return (
        f"{report.live_faces} faces, {len(report.segments)} segments of {stored} faces and "
        f"{size} bytes"
    )


def _refuse_faulty(gallery: LiveGallery) -> None:
    fault = gallery.catch_up()
    if fault is not None:
        raise NotReady(f"{fault}; run: flask index rebuild")


def _gallery() -> LiveGallery:
    own = services()
    with own.database.read() as session:
        chosen = recorded.chosen(session)
    if chosen is None:
        raise NotReady("no embedder is chosen for this gallery yet; run: flask models prepare")
    gallery = open_gallery(own.database, own.settings, chosen.spec)
    gallery.catch_up()
    return gallery
