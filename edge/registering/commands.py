"""`python -m edge register|list|delete|verify`: the parts put together."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TextIO

from edge.gate import Rules
from edge.parts import detector_of
from edge.parts import rules_of as gate_rules
from edge.registering.collecting import Plan
from edge.registering.enroll import Enroller
from edge.registering.folder import shown
from edge.registering.importing import Importer
from edge.registering.people import Ask, delete_person, list_people, one_of
from edge.registering.photos import Examiner
from edge.registering.progress import ProgressLine
from edge.registering.registrar import Registrar
from edge.registering.screens import screen
from edge.registering.session import Session
from edge.registering.taken import Taken
from edge.registering.types import Embedder, Outcome, RegisterError, Sample, Store
from edge.registering.verifying import vector_of, verify
from edge.registering.waiting import Waiting
from edge.sections import Config
from edge.types import Camera

PHOTO_SEARCH_PX = 640
"""Faces in photos are smaller than at a door, and nobody waits."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """Who reads and answers."""

    out: TextIO
    ask: Callable[[str], str] = input  # raises EOFError where nobody is there to answer


def run_register(
    given: argparse.Namespace,
    config: Config,
    camera_factory: Callable[[], Camera],
    embedder: Embedder | None,
    store: Store | None,
    *,
    terminal: Terminal | None = None,
) -> int:
    """Runs one of `arguments.COMMANDS`: 0 done or a match, 1 not or no match, 2 why it cannot."""
    terminal = terminal or Terminal(sys.stdout)
    work = _Work(given, config, camera_factory, embedder, store, terminal)
    try:
        return work.run()
    except RegisterError as error:
        terminal.out.write(f"{shown(error)}\n")
        return 2
    except EOFError:
        terminal.out.write("\nnobody answers: give a user_id and --yes\n")
        return 2
    except KeyboardInterrupt:
        terminal.out.write("stopped\n")
        return 2


def rules_of(config: Config) -> Rules:
    """What a face must be to be registered: as at the gate, anywhere in the picture."""
    return replace(gate_rules(config), zone=())


def plan_of(config: Config, samples: int | None = None) -> Plan:
    """How many samples after which countdown."""
    return Plan(samples or config.register.samples, config.register.countdown_seconds)


@contextmanager
def registering(
    config: Config, embedder: Embedder | None, store: Store | None
) -> Iterator[Registrar]:
    """The registrar of the settings, for the terminal or the live page; raises RegisterError."""
    to, enroller = config.register.to, None
    if to != "local" and config.server.url and config.register.key.text:
        try:
            enroller = Enroller(config.server, config.register.key)
        except OSError as error:
            raise RegisterError(f"server.ca_file cannot be used: {error.strerror}") from None
    try:
        yield Registrar(to, Waiting(config.outbox.folder), enroller, embedder, store)
    finally:
        if enroller is not None:
            enroller.close()


@dataclass(frozen=True, slots=True)
class _Work:
    given: argparse.Namespace
    config: Config
    camera_factory: Callable[[], Camera]
    embedder: Embedder | None
    store: Store | None
    terminal: Terminal

    def run(self) -> int:
        if self.given.command == "list":
            return list_people(self._kept(), self._waiting(), self.terminal.out)
        if self.given.command == "delete":
            return self._delete()
        if self.given.command == "verify":
            return self._verify()
        return self._register()

    def _register(self) -> int:
        given = self.given
        if sum((given.name is not None, given.folder is not None, given.resume)) != 1:
            raise RegisterError("give either a NAME, or --folder, or --resume")
        self._check_landmarks()
        with registering(self.config, self.embedder, self.store) as registrar:
            if given.folder is not None:
                return self._import(registrar)
            if given.resume:
                return self._said(registrar.resume(self._say))
            # Before anybody poses: a name that will not do.
            registrar.named(given.name, given.user_id)
            samples = self._samples(plan_of(self.config, given.samples), registrar.embedder)
            return self._said(registrar.register(given.name, given.user_id, samples))

    def _import(self, registrar: Registrar) -> int:
        taken = Taken(self._waiting().folder)
        try:
            out = self.terminal.out
            line = ProgressLine(out, out.isatty())
            report = Importer(self._examiner(), registrar, taken, line).run(self.given.folder)
        finally:
            taken.close()
        for words in report.lines():
            self._say(words)
        return 1 if report.refused or report.stopped else 0

    def _delete(self) -> int:
        ask: Ask | None = None if self.given.yes else self.terminal.ask
        taken = Taken(self._waiting().folder)
        try:
            out, waiting = self.terminal.out, self._waiting()
            return delete_person(self._kept(), waiting, taken, self.given.who, ask=ask, out=out)
        finally:
            taken.close()

    def _verify(self) -> int:
        if self.embedder is None:
            raise RegisterError("to compare faces here, give recognition.network")
        self._check_landmarks()
        store = self._kept()
        person = one_of(store.people(), self.given.who, None)
        if self.given.photo is not None:
            vector = vector_of(self._examiner(), self.given.photo)
        else:
            (sample,) = self._samples(replace(plan_of(self.config), samples=1), self.embedder)
            if sample.vector is None:
                raise RegisterError("no face was measured")
            vector = sample.vector
        return verify(store, self.embedder, person, vector, self.terminal.out)

    def _samples(self, plan: Plan, embedder: Embedder | None) -> list[Sample]:
        view = screen(self.terminal.out, with_window=not self.given.no_window)
        session = Session(self.camera_factory(), detector_of(self.config), view)
        return session.collect(plan, rules_of(self.config), embedder)

    def _examiner(self) -> Examiner:
        seen = self.config.detector
        closer = replace(seen, search_px=max(seen.search_px, PHOTO_SEARCH_PX))
        finder = detector_of(replace(self.config, detector=closer))
        return Examiner(finder, rules_of(self.config), self.embedder)

    def _check_landmarks(self) -> None:
        if self.embedder is not None and self.config.detector.model is None:
            raise RegisterError("a face is measured between its landmarks: give detector.model")

    def _waiting(self) -> Waiting:
        return Waiting(self.config.outbox.folder)

    def _kept(self) -> Store:
        if self.store is None:
            raise RegisterError("this device keeps no gallery: give recognition.network")
        return self.store

    def _say(self, words: str) -> None:
        self.terminal.out.write(f"{shown(words)}\n")

    def _said(self, outcome: Outcome) -> int:
        self._say(outcome.text)
        return 0 if outcome.ok else 1
