"""`flask keys`: API keys."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import click

from api.cli.group import Group
from api.context import services
from api.contract.keys import DEFAULT_OVERLAP_HOURS, MAX_OVERLAP_HOURS
from api.schemas import of_time
from core.access import LOCAL, Scope
from db import keys as stored
from db.access_models import ApiKey
from pipeline.key_admin import KeyAdmin, has_live_admin
from pipeline.keys import Issued, NewKey

_BATCH = 500
_MOST_DAYS = 3650
_SCOPES = click.Choice([scope.value for scope in Scope if scope is not Scope.DEVICE])

keys = Group("keys", help="API keys.")


@keys.command("create")
@click.argument("scopes", type=_SCOPES, nargs=-1, required=True)
@click.option("--name", required=True, help="Whose key it is.")
@click.option("--expires-days", type=click.IntRange(1, _MOST_DAYS), help="Ends after so long.")
@click.option("--network", "networks", multiple=True, help="Good only from there; repeatable.")
def create(
    scopes: Sequence[str], name: str, expires_days: int | None, networks: Sequence[str]
) -> None:
    """Make a key and print it, this once."""
    end = datetime.now(UTC) + timedelta(days=expires_days) if expires_days else None
    wanted = NewKey(name, frozenset(Scope(scope) for scope in scopes), tuple(networks), end)
    _show_once(_admin().create(wanted))


@keys.command("list")
def list_keys() -> None:
    """Every key: key_id, state, scopes, last use, name; one a line, tabs between."""
    after_id, now = 0, datetime.now(UTC)
    while True:
        with services().database.read() as session:
            rows = stored.page(session, after_id, _BATCH)
            devices = stored.devices_of(session, rows)
        for row in rows:
            click.echo("\t".join(_columns(row, devices.get(row.device or 0), now)))
        if not rows:
            return
        after_id = rows[-1].id


@keys.command("revoke")
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """End a key now."""
    _admin().revoke(key_id)
    click.echo(f"{key_id} is revoked.")
    if not has_live_admin(services().database):
        click.echo("No admin key is left; `flask keys create admin --name NAME` makes one.")


@keys.command("rotate")
@click.argument("key_id")
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, MAX_OVERLAP_HOURS),
    default=DEFAULT_OVERLAP_HOURS,
    show_default=True,
    help="How long the old key is still good.",
)
def rotate(key_id: str, overlap_hours: int) -> None:
    """Make a key's successor and print it, this once."""
    _show_once(_admin().rotate(key_id, timedelta(hours=overlap_hours)))
    click.echo(f"{key_id} is good for {overlap_hours} more hours at most.", err=True)


def _admin() -> KeyAdmin:
    return KeyAdmin(services().database, LOCAL)


def _show_once(made: Issued) -> None:
    # The key alone on standard output, for whoever puts it straight into a safe place.
    click.echo(made.text)
    click.echo(f"{made.row.key_id}: shown this once; keep it as you keep a password.", err=True)


def _columns(row: ApiKey, device_id: str | None, now: datetime) -> list[str]:
    used = f"used {of_time(row.last_used_at)}" if row.last_used_at else "never used"
    scopes = ",".join(row.scopes)
    bound = scopes if device_id is None else f"{scopes} of {device_id}"
    return [row.key_id, _state(row, now), bound, ",".join(row.networks) or "-", used, row.name]


def _state(row: ApiKey, now: datetime) -> str:
    if row.revoked_at is not None:
        return "revoked"
    if not row.is_live(now):
        return "ended"
    return f"until {of_time(row.ends_at)}" if row.ends_at else "live"
