"""`flask index`: the vector index, which the database can always make anew."""

import click

from api.cli.group import Group
from api.context import services
from core.errors import NotReady
from db import faces
from db import gallery as recorded
from pipeline.gallery import LiveGallery
from pipeline.services import open_gallery

index = Group("index", help="The vector index.")


@index.command("status")
def status() -> None:
    """What the index holds."""
    report = _gallery().index.verify()
    click.echo(f"faces: {report.live_faces}")
    click.echo(f"segments: {len(report.segments)}, changes after them: {report.delta}")
    click.echo(f"position: {report.position}, covered by segments: {report.covered}")


@index.command("verify")
def verify() -> None:
    """Compare the index with its checksums and with the database; exit code 1 if it differs."""
    gallery = _gallery()
    problems = list(gallery.index.verify().problems)
    if not _holds_the_faces_of_the_database(gallery):
        problems.append("the faces of the index are not those of the database")
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        click.echo("To make it anew: flask index rebuild", err=True)
        click.get_current_context().exit(1)
    click.echo(f"The index is well: {gallery.count} faces.")


@index.command("rebuild")
def rebuild() -> None:
    """Make the index anew from the database, as one segment; searches go on meanwhile."""
    click.echo(f"The index is rebuilt: {_gallery().rebuild()} faces.")


def _holds_the_faces_of_the_database(gallery: LiveGallery) -> bool:
    while True:
        gallery.catch_up()
        with services().database.read() as session:
            # Compared only where both stand at the same change: the service may enroll meanwhile.
            if recorded.last_seq(session) == gallery.index.position:
                return faces.live_ids(session, gallery.index.spec) == set(
                    gallery.index.face_ids().tolist()
                )


def _gallery() -> LiveGallery:
    own = services()
    with own.database.read() as session:
        chosen = recorded.chosen(session)
    if chosen is None:
        raise NotReady("no embedder is chosen for this gallery yet; run: flask models prepare")
    gallery = open_gallery(own.database, own.settings, chosen.spec)
    gallery.catch_up()
    return gallery
