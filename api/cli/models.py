"""`flask models`: the networks, their weights and their hashes."""

from pathlib import Path

import click

from api.cli.group import Group
from api.cli.show import transferring
from api.context import services
from core.errors import KenalError
from core.settings import Settings
from db import faces, gallery
from pipeline.models import prepare as preparing
from pipeline.models.entry import DETECTOR, ModelEntry, Role
from pipeline.models.registry import find, model_ids
from pipeline.setup import prepare_embedder
from pipeline.spaces.overview import existing, standing

models = Group("models", help="The networks.")


@models.command("list")
def list_models() -> None:
    """Every known network: ready or not, dimensions, threshold, license, faces; * is in force."""
    settings = services().settings
    chosen, filled = _recorded(), _filled()
    for model_id in model_ids(settings):
        mark = "*" if model_id == chosen else " "
        click.echo(
            f"{mark} {model_id:<16} {_summary(model_id, settings)}{filled.get(model_id, '')}"
        )


@models.command("fetch")
@click.argument("model_id")
@click.option(
    "--from",
    "--from-file",
    "from_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Weights you brought, instead of a download.",
)
def fetch(model_id: str, from_file: Path | None) -> None:
    """Put the weights of a network in their place, from the network or from a file."""
    with transferring(f"fetching {model_id}") as progress:
        preparing.fetch(model_id, services().settings, progress, from_file)
    click.echo(f"The weights of {model_id} are in place and are the pinned ones.")


@models.command("prepare")
@click.argument("model_id", required=False)
def prepare(model_id: str | None) -> None:
    """Make a network ready to serve; without an id, choose this gallery's and say which."""
    if model_id is not None:
        make_ready(model_id)
        return
    make_ready(DETECTOR)
    chosen = prepare_embedder(services().database, services().settings, make_ready)
    click.echo(f"Embedder of this gallery: {chosen.embedder} ({chosen.reason}).")
    with services().database.read() as session:
        has_faces = faces.has_any(session)
    if not has_faces:
        click.echo("To take another, set KENAL_EMBEDDER before the first photo is enrolled.")


def make_ready(model_id: str) -> None:
    """Prepare a network, with a bar; raises as `preparing.prepare`."""
    settings = services().settings
    with transferring(f"preparing {model_id}") as progress:
        preparing.prepare(model_id, settings, progress)
    click.echo(f"{model_id} is ready.")


@models.command("verify")
@click.argument("model_id", required=False)
def verify(model_id: str | None) -> None:
    """Check files against their hashes; without an id, those of every network that is here."""
    settings = services().settings
    known = [model_id] if model_id else model_ids(settings)
    for checked in known:
        if model_id is None and not preparing.ready(checked, settings):
            click.echo(f"{checked}: not here")
            continue
        preparing.verify(checked, settings)
        click.echo(f"{checked}: ok")


def _recorded() -> str | None:
    try:
        with services().database.read() as session:
            chosen = gallery.chosen(session)
    except KenalError:
        return None  # A database that is not there yet has chosen nothing.
    return chosen.embedder if chosen else None


def _filled() -> dict[str, str]:
    """How far the spaces of networks are, by name."""
    try:
        told = {spec.embedder: standing(services(), spec) for spec in existing(services())}
    except KenalError:
        return {}
    return {name: f"; {one.embedded} of {one.faces} faces" for name, one in told.items()}


def _summary(model_id: str, settings: Settings) -> str:
    try:
        entry = find(model_id, settings)
        state = "ready" if preparing.ready(model_id, settings) else "not here"
    except KenalError as error:
        return error.message
    return f"{state:<9} {_facts(entry)}"


def _facts(entry: ModelEntry) -> str:
    if entry.role is not Role.EMBEDDER:
        return f"{entry.role}; {entry.license}"
    return f"{entry.dimensions} dimensions, threshold {entry.default_threshold}; {entry.license}"
