"""Going over to another network: filled beside the one in force, loaded everywhere, then switched.

Everything before the switch may be interrupted and begun again; the switch is one transaction.
"""

import shutil
import time
from dataclasses import dataclass
from itertools import count

from core.cores import cores
from core.errors import ConflictError, NotReady
from core.types import EmbeddingSpec
from db import faces, gallery, spaces, switching
from db.switching import Role, Spaces, Threshold, ThresholdOf
from index import OnProgress
from pipeline.analyzer import Analyzer
from pipeline.engine import open_gallery
from pipeline.services import Services
from pipeline.setup import serving
from pipeline.spaces.fill import Filled, Filler
from pipeline.spaces.keeper import filler_of
from pipeline.spaces.presence import Present, present
from pipeline.spaces.taking_turns import filling, in_the_foreground

_POLL_SECONDS = 0.5
_RELEASED_AT_ONCE = 500
_LAST_AT_ONCE = 8
_PATIENCE = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a space is: `faces` are all there are, `embedded` those in it, `codes` why others
    are not; `waiting` were not looked at yet. `lost` people of the space in force have none."""

    faces: int
    embedded: int
    codes: dict[str, int]
    waiting: int
    lost: int


class Switch:
    """Goes over to the space of one network; for one thread."""

    def __init__(self, services: Services, name: str) -> None:
        """Raises NotFound, ModelUnavailable, and NotReady where the gallery has no network yet."""
        self._services, self._database = services, services.database
        self.to = services.analyzer(name)
        self.own = own_analyzer(services)

    @property
    def is_done(self) -> bool:
        """Whether this space is in force already."""
        return self.to.spec == self.own.spec

    def announce(self, threshold: float | None) -> None:
        """The space is filled from now on, by whoever can.

        Raises ConflictError where KENAL_THRESHOLD is set, which is of another network's scale.
        """
        settings, spec = self._services.settings, self.to.spec
        with self._database.write() as session:
            known = switching.is_known(session, spec)
            if threshold is None and settings.threshold is not None and not known:
                raise ConflictError(
                    f"KENAL_THRESHOLD {settings.threshold:g} was set for {self.own.spec.embedder}"
                    f" and says nothing of {spec.embedder}: add --threshold with its own,"
                    f" {self.to.default_threshold:g}, or another",
                )
            said = None if threshold is None else Threshold(ThresholdOf.GIVEN, threshold)
            switching.announce(session, spec, said)

    def fill(self, on_progress: OnProgress) -> None:
        """Until every face was looked at that can be: by this process, which the watcher leaves
        it to, or by another that was asked for the same."""
        filler = filler_of(self._services, self.own, self.to, threads=cores())
        settings, name = self._services.settings, self.to.spec.embedder
        with in_the_foreground(settings, name):
            while True:
                with filling(settings, name) as mine:
                    waiting, total = self._waiting()
                    on_progress("faces", total - waiting, total)
                    if mine:
                        self._fill(filler, total - waiting, total, on_progress)
                        return
                if waiting == 0:
                    return
                time.sleep(_POLL_SECONDS)

    def build_index(self, on_progress: OnProgress) -> None:
        """What every process opens then; searches of the space in force go on meanwhile."""
        live = open_gallery(self._database, self._services.settings, self.to.spec)
        live.mend(on_progress)
        live.maintain(on_progress)

    def load_everywhere(self, wait_seconds: float) -> None:
        """Wait until every process that serves has loaded the network, beside the one in force.

        Raises NotReady where one has not in time, ConflictError where another switch was begun.
        """
        spec = self.to.spec
        self._change(Role.LOADING)
        end = time.monotonic() + wait_seconds
        while missing := self._without():
            if time.monotonic() >= end:
                self._change(Role.NEXT)
                raise NotReady(
                    f"{len(missing)} of {len(self._present())} processes have not loaded"
                    f" {spec.embedder} within {wait_seconds:.0f} s: their log says why."
                    " Nothing is switched; run it again"
                )
            time.sleep(_POLL_SECONDS)

    def flip(self) -> None:
        """The switch: from its commit on every request is answered in the new space.

        Who was enrolled in the last moments is looked at within the transaction. Raises
        ConflictError where the switch was given up meanwhile.
        """
        filler = filler_of(self._services, self.own, self.to)
        for attempt in count():
            # Nobody else may write while these are looked at: none, unless more and more come.
            most = min(attempt // _PATIENCE, _LAST_AT_ONCE)
            with self._database.read() as session:
                newest = gallery.last_seq(session)
            filler.fill()
            with self._database.write() as session:
                if not filler.fill_last(session, newest, most):
                    continue
                if not switching.flip(session, self.own.spec, self.to.spec):
                    raise _given_up()
                return

    def standing(self) -> Standing:
        """How far it is."""
        return standing(self._services, self.to.spec)

    def _waiting(self) -> tuple[int, int]:
        """How many faces were not looked at yet, and of how many: counted while others fill."""
        with self._database.read() as session:
            return spaces.pending(session, self.to.spec), faces.count(session)

    def _fill(self, filler: Filler, done: int, total: int, on_progress: OnProgress) -> None:
        def heard(filled: Filled) -> None:
            on_progress("faces", done + filled.done, max(total, done + filled.done))

        heard(filler.fill(heard=heard))

    def _change(self, role: Role) -> None:
        with self._database.write() as session:
            if not switching.change_role(session, self.to.spec, role):
                raise _given_up()

    def _present(self) -> list[Present]:
        return present(self._services.settings.data_dir)

    def _without(self) -> list[Present]:
        return [one for one in self._present() if self.to.spec.digest not in one.loaded]


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


def remove(services: Services, spec: EmbeddingSpec, wait_seconds: float = 60) -> int:
    """Remove a space with its index; how many faces keep an embedding of it, having no other.

    Raises as `check_removable`, and NotReady where a process has not let go of it in time. May be
    interrupted and run again.
    """
    check_removable(services, spec)
    settings, kept = services.settings, spaces_of(services)
    _wait_until_left(services, spec, wait_seconds)
    with services.database.write() as session:
        switching.forget(session, spec)
    while True:
        with services.database.write() as session:
            # It may have been switched to since, or begun to be.
            now = switching.spaces(session)
            if now is None or now.in_force != kept.in_force or spec in now.kept:
                raise ConflictError("the networks of this gallery were changed meanwhile")
            if not spaces.release(session, spec, now.in_force, _RELEASED_AT_ONCE):
                break
    shutil.rmtree(settings.data_dir / "index" / spec.digest, ignore_errors=True)
    with services.database.read() as session:
        return faces.count(session, spec)


def check_removable(services: Services, spec: EmbeddingSpec) -> None:
    """Raises ConflictError for one that is in force, is to be, or that doors recognize with."""
    kept = spaces_of(services)
    if spec in (kept.in_force, kept.following):
        raise ConflictError(f"{spec.embedder} is in force, or is to be: it cannot be removed")
    if spec.embedder in services.settings.device_network_names:
        raise ConflictError(f"doors recognize with {spec.embedder}: see KENAL_DEVICE_NETWORKS")


def _wait_until_left(services: Services, spec: EmbeddingSpec, seconds: float) -> None:
    """What was asked in the space just before a switch is answered while everybody is in it."""
    end = time.monotonic() + seconds
    while any(spec.digest in one.loaded for one in present(services.settings.data_dir)):
        if time.monotonic() >= end:
            raise NotReady(f"processes still answer with {spec.embedder}: nothing is removed")
        time.sleep(_POLL_SECONDS)


def own_analyzer(services: Services) -> Analyzer:
    """Of the space in force; raises as `Switch`."""
    spec = spaces_of(services).in_force
    return serving(spec, services.settings, lambda name, _: services.analyzer(name))


def _given_up() -> ConflictError:
    return ConflictError("another network was chosen meanwhile; run it again")
