"""Registered on a real server: each sample once, through outages; what it refuses is said."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from edge.gate import Rules
from edge.registering import commands
from edge.registering.commands import registering
from edge.registering.folder import Report
from edge.registering.importing import Importer
from edge.registering.photos import Examiner
from edge.registering.taken import Taken
from edge.registering.types import Outcome, Sample
from edge.registering.waiting import Waiting
from edge.sections import Config, ServerSettings
from edge.settings_fields import Secret
from tests.edge.registering_kit import (
    ColorNetwork,
    FakeStore,
    edge,
    local_config,
    samples_of,
    vector_of,
)
from tests.edge.test_registering_folder import Stripes, picture, put
from tests.fakes import HOPELESS, nobody, portrait
from tests.served_kit import Served, served

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that asks for keys; `admin` below makes them."""
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture(scope="module")
def key(server: Served) -> str:
    """Of scope enroll and nothing more: before the server asks for keys."""
    said = {"name": "door", "scopes": ["enroll"]}
    made = httpx.post(f"{server.url}/keys", json=said)
    assert made.status_code == 201, made.text
    server.stop()
    server.settings = {"KENAL_AUTH": "required"}
    server.start()
    return str(made.json()["key"])


@pytest.fixture
def config(server: Served, key: str, tmp_path: Path) -> Config:
    own = local_config(tmp_path, None)
    return replace(
        own,
        server=ServerSettings(url=server.url, device_id="door-1"),
        register=replace(own.register, to="server", key=Secret(key)),
    )


def register(config: Config, name: str, *jpegs: bytes, user_id: str | None = None) -> Outcome:
    with registering(config, None, None) as registrar:
        return registrar.register(name, user_id, samples_of(*jpegs))


def people(server: Served) -> dict[str, tuple[str | None, int]]:
    """Name and number of faces by user_id, as the database has it."""
    rows = """SELECT users.user_id, users.name, COUNT(faces.id) FROM users
    LEFT JOIN faces ON faces.person_id = users.id GROUP BY users.id"""
    with closing(sqlite3.connect(server.folder / "var" / "kenal.sqlite3")) as database:
        return {row[0]: (row[1], row[2]) for row in database.execute(rows)}


def shades(person: int, number: int) -> list[bytes]:
    return [portrait(person, shade, "PNG") for shade in range(number)]


def test_samples_are_enrolled_under_the_name(server: Served, config: Config) -> None:
    outcome = register(config, "Ada Lovelace", *shades(1, 3))
    assert outcome.ok, outcome.text
    assert "3 on the server as ada-lovelace" in outcome.text
    assert people(server)["ada-lovelace"] == ("Ada Lovelace", 3)
    assert Waiting(config.outbox.folder).jobs() == []


def test_what_is_sent_again_is_enrolled_once(server: Served, config: Config) -> None:
    """Every answer is lost: the samples are there as if nothing had been sent."""
    waiting = Waiting(config.outbox.folder)
    job = waiting.add("bob", "Bob", False, shades(2, 3))
    kept = {one.name: one.read_bytes() for one in (waiting.folder / job.id).iterdir()}
    for _ in range(2):
        place = waiting.folder / job.id
        place.mkdir(exist_ok=True)
        for name, data in kept.items():
            (place / name).write_bytes(data)
        with registering(config, None, None) as registrar:
            assert registrar.resume(lambda _: None).ok
    assert people(server)["bob"] == ("Bob", 3)


def test_the_server_is_away_and_comes_back(server: Served, config: Config) -> None:
    server.kill()
    outcome = register(config, "Carol", *shades(3, 4))
    assert outcome.ok
    assert "4 waiting for the server: the server cannot be reached" in outcome.text
    status, said = edge(["register", "--resume"], config)
    assert status == 1
    assert "0 of 1 registrations answered" in said
    server.start()
    status, said = edge(["register", "--resume"], config)
    assert status == 0, said
    assert "4 on the server as carol" in said
    assert people(server)["carol"] == ("Carol", 4)
    assert list(Waiting(config.outbox.folder).folder.glob("*/*")) == []
    assert edge(["register", "--resume"], config)[0] == 0
    assert people(server)["carol"] == ("Carol", 4)


def test_another_name_of_the_same_slug_gets_another_user_id(server: Served, config: Config) -> None:
    assert register(config, "Zoë", portrait(10)).ok
    assert register(config, "Zoe", portrait(11)).ok
    found = {user_id: who for user_id, who in people(server).items() if user_id[:3] == "zoe"}
    assert sorted(found.values()) == [("Zoe", 1), ("Zoë", 1)]


def test_a_chosen_user_id_of_somebody_else_is_refused(server: Served, config: Config) -> None:
    assert register(config, "Dan", portrait(12), user_id="dan.1").ok
    outcome = register(config, "Eve", portrait(13), user_id="dan.1")
    assert not outcome.ok
    assert "the server knows somebody else under this user_id" in outcome.text
    assert register(config, "Eve", portrait(13), user_id="DAN.1").ok is False
    assert people(server)["dan.1"] == ("Dan", 1)
    assert Waiting(config.outbox.folder).jobs() == []


def test_another_face_of_one_name_is_refused(server: Served, config: Config) -> None:
    assert register(config, "Finn", portrait(14)).ok
    outcome = register(config, "Finn", portrait(15))
    assert not outcome.ok
    assert "another face under this user_id" in outcome.text
    assert people(server)["finn"] == ("Finn", 1)


def test_what_is_wrong_with_a_picture_is_said(server: Served, config: Config) -> None:
    outcome = register(config, "Gil", portrait(HOPELESS), nobody(), portrait(16))
    assert outcome.ok
    assert "1 on the server as gil" in outcome.text
    assert "1 refused: not good enough for the server: " in outcome.text
    assert "1 refused: the server found no face" in outcome.text
    assert people(server)["gil"] == ("Gil", 1)


def test_a_wrong_key_loses_nothing(server: Served, config: Config) -> None:
    wrong = replace(config, register=replace(config.register, key=Secret("knl_wrong")))
    outcome = register(wrong, "Hal", portrait(17))
    assert "1 waiting for the server: the server does not know register.key" in outcome.text
    assert "knl_wrong" not in outcome.text
    assert "hal" not in people(server)
    assert edge(["register", "--resume"], config)[0] == 0
    assert people(server)["hal"] == ("Hal", 1)


def test_a_device_that_registers_in_both_places_keeps_one_user_id(
    server: Served, config: Config
) -> None:
    """The server has another person of this user_id, of whom the device knows nothing."""
    assert register(config, "Ida", portrait(18)).ok
    both, store = replace(config, register=replace(config.register, to="both")), FakeStore()
    with registering(both, ColorNetwork(), store) as registrar:
        outcome = registrar.register("Ída", None, [Sample(portrait(19), vector_of(19))])
    assert "the server knows somebody else under this user_id" in outcome.text
    assert "1 here as ida" in outcome.text
    assert people(server)["ida"] == ("Ida", 1)


def folder_run(config: Config, root: Path, to: str, store: FakeStore) -> Report:
    with registering(
        replace(config, register=replace(config.register, to=to)), ColorNetwork(), store
    ) as registrar:
        taken = Taken(config.outbox.folder)
        try:
            examiner = Examiner(Stripes(), Rules(), ColorNetwork())
            return Importer(examiner, registrar, taken, lambda *_: None).run(root)
        finally:
            taken.close()


def test_a_folder_goes_to_the_server_and_here_once(
    server: Served, config: Config, tmp_path: Path
) -> None:
    root, store = tmp_path / "faces", FakeStore()
    for shade in range(3):
        put(root / "Jörg Q" / f"{shade}.png", picture(100, shade=shade))
    put(root / "Kim Q.png", picture(200))
    # The one behind is cut away: the server takes no photo of two.
    put(root / "Lee Q.png", picture(300, 400, widths=(200, 80)))
    server.kill()
    report = folder_run(config, root, "both", store)
    assert report.stopped == "the server cannot be reached"
    assert report.taken == 0
    assert report.unsent == [
        *(f"Jörg Q/{shade}.png" for shade in range(3)),
        "Kim Q.png",
        "Lee Q.png",
    ]
    assert "5 not sent: run it again, nothing is taken twice" in "".join(report.lines())
    server.start()
    report = folder_run(config, root, "both", store)
    assert (report.taken, report.refused, report.stopped) == (5, [], "")
    expected = {"jorg-q": ("Jörg Q", 3), "kim-q": ("Kim Q", 1), "lee-q": ("Lee Q", 1)}
    assert {one: who for one, who in people(server).items() if one[-2:] == "-q"} == expected
    assert {one.user_id: one.samples for one in store.people()} == {
        one: number for one, (_, number) in expected.items()
    }
    report = folder_run(config, root, "both", store)
    assert (report.taken, report.known, report.unsent) == (0, 5, [])
    for notes in config.outbox.folder.glob("taken.sqlite3*"):
        notes.unlink()
    assert folder_run(config, root, "both", store).refused == []
    assert {one: who for one, who in people(server).items() if one[-2:] == "-q"} == expected
    assert {one.samples for one in store.people()} == {1, 3}


def test_what_the_server_refused_of_a_folder_is_not_sent_again(
    server: Served, config: Config, tmp_path: Path
) -> None:
    root = tmp_path / "faces"
    put(root / "Mia Q" / "1.png", picture(HOPELESS))
    said = [folder_run(config, root, "server", FakeStore()).refused for _ in range(2)]
    assert said[0] == said[1]
    assert said[0][0][1].startswith("not good enough for the server: ")
    assert people(server)["mia-q"] == ("Mia Q", 0)


def test_what_a_folder_could_not_send_is_said_and_is_what_the_next_run_sends(
    server: Served, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server dies when it has answered for the first photo of three people."""

    class Deadly(Taken):
        def note(self, target: str, user_id: str, sha256: str, word: str = "") -> None:
            super().note(target, user_id, sha256, word)
            server.kill()

    root = tmp_path / "faces"
    for person, name in enumerate(("Ann R", "Ben R", "Cem R"), 500):
        for shade in range(2):
            put(root / name / f"{shade}.png", picture(person, shade=shade))
    asked = ["register", "--folder", str(root)]
    monkeypatch.setattr(commands, "detector_of", lambda _: Stripes())
    with monkeypatch.context() as once:
        once.setattr(commands, "Taken", Deadly)
        status, said = edge(asked, config)
    *unsent, stopped, counted = said.splitlines()
    assert unsent == [
        "not sent: Ann R/1.png",
        *(f"not sent: {who} R/{shade}.png" for who in ("Ben", "Cem") for shade in range(2)),
    ]
    assert stopped.endswith("5 not sent: run it again, nothing is taken twice")
    assert (status, counted) == (1, "1 taken, 0 known already, 0 not taken")
    status, said = edge(asked, config)
    assert status == 1, "it is still away"
    assert "5 not sent" in said
    server.start()
    status, said = edge(asked, config)
    assert (status, said) == (0, "5 taken, 1 known already, 0 not taken\n")
    assert edge(asked, config) == (0, "0 taken, 6 known already, 0 not taken\n")
    expected = {f"{who.lower()}-r": (f"{who} R", 2) for who in ("Ann", "Ben", "Cem")}
    assert {one: who for one, who in people(server).items() if one[-2:] == "-r"} == expected
