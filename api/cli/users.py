"""`flask users`: the people."""

import json

import click

from api.cli.group import Group
from api.context import services
from api.schemas import of_photo, of_profile
from core.names import normalize_user_id
from db import photos as ledger
from db import users as people
from pipeline.deletion import delete_user
from pipeline.pictures import pictures_folder
from pipeline.recognizer import profile_of

_BATCH = 500

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


def _one_line(text: str) -> str:
    """A stranger's text without what moves a terminal's cursor."""
    return "".join(c if c.isprintable() else " " for c in text)
