"""Everybody goes from one network to the other and back while clients search and processes die.

Real gunicorn with two workers, the real watcher and the real command, on fake networks.
"""

import itertools
import os
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.fakes import EMBEDDER, THRESHOLD, portrait
from tests.integration.system import ROOT, RunningKenal
from tests.spaces_kit import FURTHER, FurtherEmbedder
from tests.switch_kit import SPECS, two_networks_in

FACES = int(os.environ.get("SWITCH_FACES", "120"))
PHOTOS_EACH = -(-FACES // 400)
PEOPLE = -(-FACES // PHOTOS_EACH)
MOST_PEOPLE = 507
"""So many faces the fake networks tell apart."""
CLIENTS = 4
PAUSE_SECONDS = 0.05
"""Between two searches of a client: it is not load that is tried here."""
MODULE = "tests.integration.switch_served"
PNG = {"Content-Type": "image/png"}
LEAST = {EMBEDDER: THRESHOLD, FURTHER: FurtherEmbedder.default_threshold}
PATIENCE_SECONDS = 120 + FACES // 5


@dataclass
class Served(RunningKenal):
    """The same processes as an operator's, on fake networks."""

    def start(self, name: str) -> subprocess.Popen[bytes]:
        command = {
            "web": ["gunicorn", "--config", "gunicorn.conf.py", f"{MODULE}:create()"],
            "watcher": [MODULE],
        }.get(name) or ["flask", "--app", f"{MODULE}:create", *name.split()]
        with (self.folder / f"{name.split(maxsplit=1)[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=self.environment(),
                stdout=log,
                stderr=log,
            )
        self.processes[name] = process
        return process

    def query(self, what: str, *values: object) -> list[tuple[object, ...]]:
        """Straight from the database."""
        path = self.folder / "var" / "kenal.sqlite3"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as connection:
            return connection.execute(what, values).fetchall()

    def embedded(self, name: str) -> int:
        """How many faces have an embedding of this network."""
        digest = SPECS[name].digest
        space = "(SELECT id FROM specs WHERE digest = ?)"
        (own,), (further,) = (
            self.query(f"SELECT count(*) FROM {table} WHERE spec_id = {space} AND {known}", digest)[
                0
            ]
            for table, known in (("faces", "1"), ("embeddings", "embedding IS NOT NULL"))
        )
        assert isinstance(own, int)
        assert isinstance(further, int)
        return own + further

    def command(self, command: str) -> str:
        """What a command printed, that ended well."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", f"{MODULE}:create", *command.split()],
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """The web and the watcher on a gallery that is there, ready."""
    kenal = Served(folder, embedder=EMBEDDER)
    try:
        kenal.start("web")
        kenal.start("watcher")
        kenal.wait_ready()
        yield kenal
    finally:
        kenal.stop()


@dataclass
class Clients:
    """Search for everybody in turn, all the time; what is wrong is kept."""

    url: str
    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    only: str | None = None
    """The network that requests of now must be answered with."""

    def search(self, first: int, ended: threading.Event) -> None:
        people = itertools.cycle(range(1, PEOPLE + 1))
        with httpx.Client(base_url=self.url, timeout=60) as client:
            for person in itertools.islice(people, first, None):
                if ended.wait(PAUSE_SECONDS):
                    return
                only = self.only
                try:
                    answer = client.post("/upload_photo", content=portrait(person, 12), headers=PNG)
                    self._look(answer, person, only)
                except httpx.HTTPError as error:
                    self.wrong.append(repr(error))

    def _look(self, answer: httpx.Response, person: int, only: str | None) -> None:
        said = answer.json()
        if answer.status_code != 200 or said["user_id"] != f"p{person}":
            self.wrong.append(f"{person}: {answer.status_code} {answer.text}")
            return
        name = said["model"]["embedder"]
        self.answers[name] += 1
        of_it = (LEAST[name], SPECS[name].dimensions)
        if (said["threshold"], said["model"]["dimensions"]) != of_it or name != (only or name):
            self.wrong.append(f"{person}: not of {only or name}: {answer.text}")


@contextmanager
def searching(url: str) -> Iterator[Clients]:
    clients, ended = Clients(url), threading.Event()
    threads = [
        threading.Thread(target=clients.search, args=(number * PEOPLE // CLIENTS, ended))
        for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def kenal(tmp_path: Path) -> Iterator[Served]:
    with two_networks_in(tmp_path) as kit:
        for number in range(FACES):
            person, shade = number // PHOTOS_EACH + 1, number % PHOTOS_EACH
            kit.put(f"p{person}/{shade}.png", portrait(person, shade))
        from api.cli.scanning import scan_once

        done = scan_once(kit.services, kit.engine)
        assert sum(done.values()) == FACES
    with served(tmp_path) as kenal:
        yield kenal


def killed_at(kenal: Served, command: str, name: str, count: int) -> None:
    """Begin a switch, and kill it and the watcher, who fills too, when so many are embedded."""
    kenal.start(command)
    kenal.until(lambda: kenal.embedded(name) >= count, PATIENCE_SECONDS)
    kenal.kill("watcher")
    kenal.kill(command)
    assert kenal.embedded(name) < FACES, "it was in the middle"
    kenal.start("watcher")


def check_counts(kenal: Served, name: str, faces: int) -> None:
    assert kenal.embedded(name) == faces
    assert kenal.query("SELECT count(*) FROM faces") == [(faces,)]
    assert f"{name} (in force): {faces} of {faces} faces\n" in kenal.command("models status")


def enroll(kenal: Served, user_id: str, person: int, shade: int = 0) -> None:
    url = f"{kenal.url}/users/{user_id}/photos"
    answer = httpx.post(url, content=portrait(person, shade), headers=PNG, timeout=60)
    assert answer.status_code == 201, answer.text


@pytest.mark.timeout(10 * PATIENCE_SECONDS)
def test_there_and_back_with_kills_and_clients(kenal: Served) -> None:
    with searching(kenal.url) as clients:
        clients.only = EMBEDDER
        for part in (4, 2):
            killed_at(kenal, f"models use {FURTHER}", FURTHER, FACES // part)
        enroll(kenal, "new-1", 501)
        clients.only = None
        kenal.command(f"models use {FURTHER}")
        clients.only = FURTHER
        check_counts(kenal, FURTHER, FACES + 1)
        enroll(kenal, "new-2", 502)
        kenal.until(lambda: kenal.embedded(EMBEDDER) == FACES + 2, PATIENCE_SECONDS)
        kenal.command(f"models remove {EMBEDDER} --yes")
        assert kenal.embedded(EMBEDDER) == 0
        killed_at(kenal, f"models use {EMBEDDER}", EMBEDDER, FACES // 3)
        clients.only = None
        kenal.command(f"models use {EMBEDDER}")
        clients.only = EMBEDDER
        check_counts(kenal, EMBEDDER, FACES + 2)
        clients.only = None
        kenal.command("models rollback")
        clients.only = FURTHER
        check_counts(kenal, FURTHER, FACES + 2)
        before = sum(clients.answers.values())
        kenal.until(lambda: sum(clients.answers.values()) > before + 20, PATIENCE_SECONDS)
    assert not clients.wrong, clients.wrong[:3]
    assert set(clients.answers) == set(SPECS)
    for user_id, person in (("new-1", 501), ("new-2", 502)):
        url, photo = f"{kenal.url}/upload_photo", portrait(person, 3)
        said = httpx.post(url, content=photo, headers=PNG, timeout=60).json()
        assert (said["user_id"], said["model"]["embedder"]) == (user_id, FURTHER)
    print(f"{FACES} faces, {PEOPLE} people; answers: {dict(clients.answers)}")  # noqa: T201


@contextmanager
def enrolling(kenal: Served) -> Iterator[list[int]]:
    """Enroll one person after the other, all the time, with ever more photos; whose they were."""
    enrolled: list[int] = []
    ended = threading.Event()

    def go_on() -> None:
        for shade, person in itertools.product(range(13), range(PEOPLE + 1, MOST_PEOPLE + 1)):
            if ended.wait(PAUSE_SECONDS):
                return
            enroll(kenal, f"p{person}", person, shade)
            enrolled.append(person)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(go_on)
        try:
            yield enrolled
        finally:
            ended.set()
        done.result()


def test_who_is_enrolled_while_it_is_switched_is_found_without_a_watcher(kenal: Served) -> None:
    kenal.kill("watcher")
    with enrolling(kenal) as enrolled:
        kenal.command(f"models use {FURTHER}")
        at_last = len(enrolled)
        kenal.until(lambda: len(enrolled) > at_last + 5, PATIENCE_SECONDS)
    check_counts(kenal, FURTHER, FACES + len(enrolled))
    with httpx.Client(base_url=kenal.url, timeout=60) as client:
        for person in enrolled:
            said = client.post("/upload_photo", content=portrait(person, 3), headers=PNG).json()
            assert (said["user_id"], said["model"]["embedder"]) == (f"p{person}", FURTHER)
