"""Going over to another network: filled beside the one in force, loaded everywhere, then switched.

Everything before the switch may be interrupted and begun again; the switch is one transaction.
"""

import time
from itertools import count

from core.cores import cores
from core.errors import ConflictError, NotReady
from db import faces, gallery, spaces, switching
from db.switching import Role, Threshold, ThresholdOf
from index import OnProgress
from pipeline.engine import open_gallery
from pipeline.services import Services
from pipeline.spaces.fill import Filled, Filler
from pipeline.spaces.keeper import filler_of
from pipeline.spaces.overview import Standing, own_analyzer, standing
from pipeline.spaces.presence import Present, present
from pipeline.spaces.taking_turns import filling, in_the_foreground

_POLL_SECONDS = 0.5
_LAST_AT_ONCE = 8
_PATIENCE = 3


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


def _given_up() -> ConflictError:
    return ConflictError("another network was chosen meanwhile; run it again")
