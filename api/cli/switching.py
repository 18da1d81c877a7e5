"""`flask models use`, `status`, `rollback` and `remove`: going over to another network."""

import click

from api.cli.models import make_ready, models
from api.cli.show import staged
from api.context import services
from core.errors import ConflictError, NotFound
from core.types import EmbeddingSpec
from db import devices, switching
from db import spaces as stored
from pipeline.analyzer import Analyzer
from pipeline.spaces import overview, removing
from pipeline.spaces.overview import Standing
from pipeline.spaces.switch import Switch
from pipeline.standing import standing as standing_of
from pipeline.thresholds import Origin

_MOST_LISTED = 50


@models.command("use")
@click.argument("model_id")
@click.option(
    "--threshold", type=click.FloatRange(-1, 1), help="Instead of the network's own threshold."
)
@click.option("--yes", is_flag=True, help="Switch even where people have no embedding in it.")
@click.option(
    "--accept-false-matches",
    is_flag=True,
    help="Take a network that was measured to take strangers for enrolled people too often.",
)
@click.option(
    "--wait",
    type=click.FloatRange(1, 3600),
    default=120,
    show_default=True,
    help="Seconds for every process to load the network.",
)
def use(
    model_id: str, threshold: float | None, yes: bool, accept_false_matches: bool, wait: float
) -> None:
    """Go over to another network: embed everybody anew, then switch all processes at once.

    Searches go on in the old network until then. It may be interrupted at any time; run again, it
    goes on where it was.
    """
    make_ready(model_id)
    going = Switch(services(), model_id)
    if threshold is None and not going.is_done:
        _weigh(going.to, accept_false_matches)
    _go_over(going, threshold, yes=yes, wait=wait)


@models.command("rollback")
@click.option("--yes", is_flag=True, help="Switch even where people have no embedding in it.")
@click.option("--wait", type=click.FloatRange(1, 3600), default=120, show_default=True)
def rollback(yes: bool, wait: float) -> None:
    """Go back to the network that was in force before, with its threshold."""
    before = overview.before(services())
    make_ready(before.embedder)
    going = Switch(services(), before.embedder)
    if going.to.spec != before:
        raise ConflictError(
            f"{before.embedder} is another network by now than the one that was in force: its"
            f" files were changed. To embed everybody with it, run: flask models use"
            f" {before.embedder}"
        )
    _go_over(going, None, yes=yes, wait=wait)


@models.command("status")
@click.option("--all", "everybody", is_flag=True, help="List every face, not only the first.")
def status(everybody: bool) -> None:
    """Which network is in force, how far others are filled, and who has no embedding."""
    kept = overview.spaces_of(services())
    for spec in overview.existing(services()):
        told = _told(overview.standing(services(), spec))
        click.echo(f"{spec.embedder} {_role(spec, kept)}: {told}")
    # Of the one that is asked about: who would be lost, or is.
    _list_lacking(kept.following or kept.in_force, None if everybody else _MOST_LISTED)


@models.command("remove")
@click.argument("model_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(model_id: str, yes: bool) -> None:
    """Remove a network's embeddings and index, never those in force; there is no rollback then."""
    found = [spec for spec in overview.existing(services()) if spec.embedder == model_id]
    if not found:
        raise NotFound(f"there are no embeddings of {model_id}")
    for spec in found:
        removing.check_removable(services(), spec)
    if not yes:
        click.confirm(f"Remove every embedding of {model_id}?", abort=True)
    for spec in found:
        kept = removing.remove(services(), spec)
        click.echo(f"The embeddings of {model_id} are removed.")
        if kept:
            click.echo(
                f"{kept} faces have no other embedding: they keep theirs, and are found by nobody"
                " until a better photo comes. They are listed by: flask models status"
            )


def _weigh(to: Analyzer, accept: bool) -> None:
    """Raises ConflictError for a network that would give strangers names, by its own record."""
    with services().database.read() as session:
        found = standing_of(session, services().settings, to.spec, to.default_threshold)
    if found.warning is None or found.threshold.origin is not Origin.NETWORK:
        return
    if not accept:
        raise ConflictError(f"{found.warning}. To use it all the same: --accept-false-matches")
    click.echo(found.warning)


def _go_over(going: Switch, threshold: float | None, *, yes: bool, wait: float) -> None:
    name = going.to.spec.embedder
    if going.is_done:
        with services().database.write() as session:
            switching.cancel(session)
            if threshold is not None:
                switching.judge_by(session, going.to.spec, threshold)
        click.echo(f"{name} is in force; no other network is to be.")
        if threshold is not None:
            click.echo(f"Its threshold is {threshold:g} when the service is started again.")
        return
    going.announce(threshold)
    _warn_of_settings(name, going.own.spec.embedder)
    with staged(f"embedding with {name}") as on_progress:
        going.fill(on_progress)
    standing = going.standing()
    click.echo(f"{name}: {_told(standing)}")
    _agree(going, standing, yes)
    with staged(f"index of {name}") as on_progress:
        going.build_index(on_progress)
    click.echo(f"Every process loads {name} beside {going.own.spec.embedder} now.")
    going.load_everywhere(wait)
    going.flip()
    click.echo(
        f"{name} is in force, in every process. {going.own.spec.embedder} is kept:"
        " flask models rollback goes back, flask models remove removes it."
    )


def _agree(going: Switch, standing: Standing, yes: bool) -> None:
    if not standing.lost:
        return
    name = going.to.spec.embedder
    click.echo(
        f"{standing.lost} people could not be recognized with {name}: flask models status lists"
        " them. They stay enrolled, and a better photo makes them known."
    )
    if yes:
        return
    try:
        click.confirm(f"Switch to {name} all the same?", abort=True)
    except click.Abort:
        raise ConflictError("nothing is switched; what was embedded is kept") from None


def _warn_of_settings(name: str, left: str) -> None:
    settings = services().settings
    if settings.embedder not in ("auto", name):
        wanted = settings.embedder
        click.echo(f"KENAL_EMBEDDER is {wanted}: it says only what a new gallery begins with.")
    if left in settings.device_network_names:
        return
    with services().database.read() as session:
        if devices.any_holds_gallery(session):
            click.echo(
                f"Doors that recognize with {left} will not learn who came and who was removed:"
                f" add {left} to KENAL_DEVICE_NETWORKS first."
            )


def _role(spec: EmbeddingSpec, kept: switching.Spaces) -> str:
    if spec == kept.in_force:
        return "(in force)"
    if spec == kept.following:
        return "(to be in force; every process loads it)" if kept.loading else "(to be in force)"
    return "(kept for a rollback)" if spec == kept.previous else "(not kept up)"


def _told(standing: Standing) -> str:
    without = [f"{number} {code}" for code, number in sorted(standing.codes.items())]
    if standing.waiting:
        without.append(f"{standing.waiting} not looked at yet")
    said = f"{standing.embedded} of {standing.faces} faces"
    return f"{said}; without: {', '.join(without)}" if without else said


def _list_lacking(spec: EmbeddingSpec, limit: int | None) -> None:
    with services().database.read() as session:
        found = stored.lacking(session, spec, None if limit is None else limit + 1)
    shown = found if limit is None else found[:limit]
    if shown:
        click.echo(f"Faces without an embedding of {spec.embedder}:")
    for one in shown:
        alone = "  the person is not recognized" if one.alone else ""
        click.echo(f"  {one.user_id}  face {one.face_id}  {one.code or 'not looked at yet'}{alone}")
    if len(found) > len(shown):
        click.echo("  … more: flask models status --all")
