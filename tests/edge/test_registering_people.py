"""Who is listed, deleted and meant."""

from pathlib import Path

import pytest

from edge.registering.taken import HERE, Taken
from edge.registering.waiting import Waiting
from edge.sections import Config
from tests.edge.registering_kit import ColorNetwork, FakeStore, edge, local_config, vector_of


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return local_config(tmp_path, None)


@pytest.fixture
def store() -> FakeStore:
    store = FakeStore(servers={"boss"})
    store.add("ann", "Ann", [vector_of(1), vector_of(1, 1)])
    store.add("ann-2", "Ann", [vector_of(2)])
    store.add("boss", "Boss", [vector_of(3)])
    return store


def test_everybody_is_listed(config: Config, store: FakeStore) -> None:
    Waiting(config.outbox.folder).add("zoe", "Zoë", True, [b"1"])
    status, said = edge(["list"], config, None, store)
    assert status == 0
    rows = [line.split() for line in said.splitlines()]
    assert rows[0] == ["ann", "Ann", "2", "samples,", "local"]
    assert rows[2][-1] == "server"
    assert "1 waiting for the server" in said


def test_a_hostile_name_does_nothing_to_the_terminal(config: Config) -> None:
    store = FakeStore(names={"x": "\x1b[2J\nroot"})
    assert "\x1b" not in edge(["list"], config, None, store)[1]


def test_delete_asks_and_forgets_all(config: Config, store: FakeStore) -> None:
    waiting = Waiting(config.outbox.folder)
    waiting.add("ann-2", "Ann", True, [b"1"])
    kept = waiting.add("ann", "Ann", True, [b"1"])
    taken = Taken(waiting.folder)
    taken.note(HERE, "ann-2", "aa")
    taken.close()
    assert edge(["delete", "ann-2"], config, None, store, answers=["n"])[0] == 1
    assert "ann-2" in store.names
    assert edge(["delete", "Ann"], config, None, store, answers=["ann-2", "y"])[0] == 0
    assert set(store.names) == {"ann", "boss"}
    assert waiting.jobs() == [kept]
    taken = Taken(waiting.folder)
    assert taken.word(HERE, "ann-2", "aa") is None
    taken.close()


@pytest.mark.parametrize(
    ("arguments", "answers", "words"),
    [
        (["delete", "nobody", "--yes"], [], "nobody of the user_id or name nobody is known here"),
        (["delete", "ann", "--yes"], [], "deleted ann (Ann)"),
        (["delete", "ANN", "--yes"], [], "give a user_id of ann, ann-2"),
        (["delete", "Ann"], ["boss"], "none of them: nothing was changed"),
        (["delete", "boss", "--yes"], [], "boss comes from the server: delete them there"),
    ],
)
def test_who_is_meant_is_sure(
    config: Config, store: FakeStore, arguments: list[str], answers: list[str], words: str
) -> None:
    before = set(store.names)
    status, said = edge(arguments, config, None, store, answers=answers)
    assert words in said
    assert (status == 0) == (before != set(store.names))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["register"], "give either a NAME, or --folder, or --resume"),
        (["register", "Ann", "--resume"], "give either a NAME, or --folder, or --resume"),
        (["register", "Ann"], "give detector.model"),
        (["verify", "Ann"], "give detector.model"),
    ],
)
def test_what_cannot_work_is_said_before_anybody_poses(
    config: Config, store: FakeStore, arguments: list[str], words: str
) -> None:
    status, said = edge(arguments, config, ColorNetwork(), store)
    assert status == 2
    assert words in said


def test_a_taken_user_id_is_refused_before_anybody_poses(
    config: Config, store: FakeStore, shared_dir: Path
) -> None:
    config = local_config(config.outbox.folder, shared_dir / "models" / "yunet_n_640.onnx")
    status, said = edge(["register", "Bob", "--user-id", "ANN"], config, ColorNetwork(), store)
    assert (status, said) == (2, "ann is the user_id of Ann\n")


def test_without_a_gallery_there_is_nobody_to_list(config: Config) -> None:
    assert edge(["list"], config)[0] == 2
