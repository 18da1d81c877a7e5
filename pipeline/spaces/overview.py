"""Which spaces a gallery has, and how far each is filled."""

from dataclasses import dataclass

from core.errors import ConflictError, NotReady
from core.types import EmbeddingSpec
from db import faces, spaces, switching
from db.switching import Spaces
from pipeline.analyzer import Analyzer
from pipeline.services import Services
from pipeline.setup import serving


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a space is: `faces` are all there are, `embedded` those in it, `codes` why others
    are not; `waiting` were not looked at yet. `lost` people of the space in force have none."""

    faces: int
    embedded: int
    codes: dict[str, int]
    waiting: int
    lost: int


def spaces_of(services: Services) -> Spaces:
    """The spaces that are kept; raises NotReady where no network was chosen yet."""
    with services.database.read() as session:
        found = switching.spaces(session)
    if found is None:
        raise NotReady("no network is prepared for this gallery; run: flask models prepare")
    return found


def existing(services: Services) -> list[EmbeddingSpec]:
    """The spaces that hold embeddings, or are to, oldest first."""
    kept = spaces_of(services).kept
    with services.database.read() as session:
        known = switching.known(session)
        return [spec for spec in known if spec in kept or spaces.exists_in(session, spec)]


def standing(services: Services, spec: EmbeddingSpec) -> Standing:
    """How far a space is."""
    own = spaces_of(services).in_force
    with services.database.read() as session:
        return Standing(
            faces=faces.count(session),
            embedded=faces.count(session, spec),
            codes=spaces.codes(session, spec),
            waiting=spaces.pending(session, spec),
            lost=spaces.people_lost(session, own, spec),
        )


def before(services: Services) -> EmbeddingSpec:
    """The space that was in force before this one; raises ConflictError where there is none."""
    with services.database.read() as session:
        found = switching.before(session)
    if found is None:
        raise ConflictError("there is no network to go back to: none was left, or it was removed")
    return found


def own_analyzer(services: Services) -> Analyzer:
    """Of the space in force; raises as `Switch`."""
    return analyzer_of(services, spaces_of(services).in_force)


def analyzer_of(services: Services, spec: EmbeddingSpec) -> Analyzer:
    """Of a space; raises as `serving`."""
    return serving(spec, services.settings, lambda name, _: services.analyzer(name))
