"""`flask db`: the database's schema."""

import click

from api.cli.group import Group
from api.context import services
from db.migrate import upgrade

db = Group("db", help="The database.")


@db.command("upgrade")
def upgrade_command() -> None:
    """Bring the database to the schema of this version; safe to repeat."""
    upgrade(services().database)
    click.echo("The database is up to date.")
