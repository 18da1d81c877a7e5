"""`flask photos`: the drop folder and its ledger."""

from pathlib import PurePosixPath

import click

from api.cli.group import Group
from api.cli.scanning import scan_once
from api.context import services
from core.errors import NotFound
from core.names import printable
from db import photos as ledger
from db.photos import Status
from pipeline.drop import look_at
from pipeline.ledger import Outcome
from pipeline.reconcile import retry as retry_photos
from pipeline.report import REPORT_NAME, write_report
from pipeline.services import Services

_RETRIED = [Status.REJECTED, Status.CONFLICT, Status.PENDING]

photos = Group("photos", help="The drop folder and its ledger.")


@photos.command("scan")
def scan() -> None:
    """Look through the drop folder once and enroll what is new or changed."""
    own = services()
    done = scan_once(own, own.start())
    write_report(own.database, own.settings.photo_dir)
    parts = ", ".join(f"{done[status]} {status}" for status in Status if done[status])
    click.echo(f"Looked at {sum(done.values())} photos{': ' if parts else '.'}{parts}")
    _echo_counts(own)


@photos.command("report")
def report() -> None:
    """How many photos stand where; writes the list of all of them anew."""
    own = services()
    write_report(own.database, own.settings.photo_dir)
    _echo_counts(own)
    click.echo(f"Every file is listed in {REPORT_NAME}, in the drop folder (KENAL_PHOTO_DIR)")


@photos.command("retry")
@click.option(
    "--status",
    type=click.Choice([str(status) for status in _RETRIED]),
    default=str(Status.REJECTED),
    show_default=True,
)
@click.option("--code", help="Only photos refused with this code, such as no_face.")
def retry(status: str, code: str | None) -> None:
    """Have refused photos tried again, by the watcher or by the next scan."""
    count = retry_photos(services().database, Status(status), code)
    click.echo(f"{count} photos will be tried again at the next scan.")


@photos.command("accept")
@click.argument("path")
def accept(path: str) -> None:
    """Enroll a photo that does not look like the person's others.

    PATH is relative to the drop folder. A file that is enrolled under another user_id stays
    refused: the very same photo cannot show two people. To move it, delete that photo or
    person first.
    """
    own = services()
    entry = look_at(own.settings.photo_dir, PurePosixPath(path))
    if entry is None:
        raise NotFound("there is no such file in the drop folder; PATH is relative to it")
    outcome = own.start().converter.convert(entry.path, force=True, accept=True)
    _echo_outcome(outcome)
    if outcome.code is not None:
        click.get_current_context().exit(1)


def _echo_outcome(outcome: Outcome) -> None:
    why = f" ({outcome.code}: {outcome.message})" if outcome.code else ""
    click.echo(f"{printable(outcome.path)}: {outcome.status}{why}", err=outcome.code is not None)


def _echo_counts(own: Services) -> None:
    with own.database.read() as session:
        counts = ledger.counts(session)
    parts = " + ".join(f"{count} {status}" for status, count in counts.items())
    click.echo(f"Seen: {sum(counts.values())} = {parts}")
