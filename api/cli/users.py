"""`flask users`: the people."""

import csv
import json
import sys

import click

from api.cli.group import Group
from api.cli.show import staged
from api.context import services
from api.schemas import of_photo, of_profile
from core.names import normalize_user_id
from db import photos as ledger
from db import users as people
from pipeline.deletion import delete_user
from pipeline.duplicates import Duplicates, Pair, best_of_people
from pipeline.pictures import pictures_folder
from pipeline.recognizer import profile_of

_BATCH = 500
_MOST_SHOWN = 100_000

users = Group("users", help="The people.")


@users.command("list")
def list_users() -> None:
    """Every person: user_id, primary face, name; one a line, tabs between."""
    after_id = 0
    while True:
        with services().database.read() as session:
            rows = people.page(session, after_id, _BATCH)
        for row in rows:
            face = "no face" if row.face_id is None else f"face {row.face_id}"
            click.echo(f"{row.user_id}\t{face}\t{_one_line(row.name or '')}")
        if not rows:
            return
        after_id = rows[-1].id


@users.command("show")
@click.argument("user_id")
def show(user_id: str) -> None:
    """One person with profile and photos, as JSON."""
    with services().database.read() as session:
        user = people.get(session, normalize_user_id(user_id))
        photos = [of_photo(row) for row in ledger.of_user(session, user.user_id)]
        shown = {**of_profile(profile_of(user)), "photos": photos}
    click.echo(json.dumps(shown, indent=2))


@users.command("delete")
@click.argument("user_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(user_id: str, yes: bool) -> None:
    """Remove a person: profile, faces, ledger and stored photos. There is no way back."""
    own = services()
    user_id = normalize_user_id(user_id)
    if not yes:
        click.confirm(f"Remove {user_id} and all their photos?", abort=True)
    delete_user(own.database, own.settings.photo_dir, user_id, pictures_folder(own.settings))
    click.echo(f"{user_id} is removed.")


@users.command("duplicates")
@click.option(
    "--threshold",
    type=click.FloatRange(-1, 1),
    help="Least similarity of two faces; by default the one of a match.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated, with a head.")
def duplicates(threshold: float | None, as_csv: bool) -> None:
    """Different people whose faces look the same, most similar first.

    Each two people stand here once, by their most similar faces.
    """
    own = services()
    engine = own.start()
    least = engine.rule.threshold if threshold is None else threshold
    pairs, omitted = _compared(Duplicates(own.database, engine.chosen.spec, least))
    write = csv.writer(sys.stdout, delimiter="," if as_csv else "\t", lineterminator="\n").writerow
    if as_csv:
        write(["similarity_score", "user_id", "face_id", "other_user_id", "other_face_id"])
    for pair in pairs:
        one, other = pair.first, pair.second
        score = f"{pair.similarity:.4f}"
        # A user_id begins with a letter or digit: no spreadsheet takes it for a formula.
        write([score, one.user_id, one.face_id, other.user_id, other.face_id])
    if omitted:
        click.echo(f"{omitted} more pairs of faces are not shown; raise the threshold", err=True)


def _compared(report: Duplicates) -> tuple[list[Pair], int]:
    """Every pair of people, and how many pairs of faces are too many to be shown."""
    pairs: list[Pair] = []
    omitted = 0
    with staged("comparing") as on_progress:
        for step in report.steps():
            best = best_of_people([*pairs, *step.pairs])
            pairs = best[:_MOST_SHOWN]
            omitted += step.omitted + len(best) - len(pairs)
            on_progress("faces", step.scanned, step.total)
    return pairs, omitted


def _one_line(text: str) -> str:
    """A stranger's text without what moves a terminal's cursor."""
    return "".join(c if c.isprintable() else " " for c in text)
