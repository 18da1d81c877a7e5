"""The real gallery, as registering sees it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from edge.recognition.gallery import Bounds, Gallery
from edge.recognition.network import Network
from edge.registering.registrar import Registrar
from edge.registering.stored import GalleryStore
from edge.registering.types import RegisterError, Sample
from edge.registering.waiting import Waiting
from tests.edge.registering_kit import DIMENSIONS, ColorNetwork, vector_of
from tests.served_kit import ROOT

COLORS = Network("colors", "0" * 64, "1", DIMENSIONS, 0.6)


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    with closing(Gallery(tmp_path / "data", Bounds(people=3))) as gallery:
        yield gallery


@pytest.fixture
def store(gallery: Gallery) -> GalleryStore:
    return GalleryStore(gallery, COLORS, lambda: 1.0)


def test_people_are_kept_compared_and_deleted(store: GalleryStore) -> None:
    store.add("ann", "Änn", [vector_of(1), vector_of(1, 1)])
    store.add("bob", "Bob", [vector_of(2)])
    store.add("ann", "Änn", [vector_of(1, 2)])
    assert [(one.user_id, one.name, one.samples, one.source) for one in store.people()] == [
        ("ann", "Änn", 3, "local"),
        ("bob", "Bob", 1, "local"),
    ]
    (like,) = store.similarities([vector_of(1)])
    assert like["ann"] == pytest.approx(1, abs=1e-5)
    assert like["bob"] < 0.5
    assert store.similarities([np.full(DIMENSIONS, np.nan, np.float32)]) == [{}]
    assert store.similarities([np.ones(3, np.float32)]) == [{}]
    assert store.delete("ann")
    assert not store.delete("ann")
    assert list(store.similarities([vector_of(1)])[0]) == ["bob"]


def test_what_the_gallery_refuses_is_said(store: GalleryStore, gallery: Gallery) -> None:
    with pytest.raises(RegisterError):
        store.add("ann", "Ann", [np.zeros(DIMENSIONS, np.float32)])
    with pytest.raises(RegisterError):
        store.add("no/id", "Ann", [vector_of(1)])
    store.add("ann", "Ann", [vector_of(1)])
    with pytest.raises(RegisterError):
        store.add("ANN", "Ann", [vector_of(1)])
    store.add("b", "B", [vector_of(2)])
    store.add("c", "C", [vector_of(3)])
    with pytest.raises(RegisterError):
        store.add("d", "D", [vector_of(4)])
    gallery.close()
    with pytest.raises(RegisterError, match="cannot be read or written"):
        store.people()


def test_the_embeddings_of_another_network_are_no_samples(gallery: Gallery) -> None:
    GalleryStore(gallery, COLORS).add("ann", "Ann", [vector_of(1)])
    other = GalleryStore(gallery, Network("colors", "1" * 64, "1", DIMENSIONS, 0.6))
    assert [one.samples for one in other.people()] == [0]
    assert other.similarities([vector_of(1)]) == [{}]


def test_a_second_registration_of_somebody_is_compared(store: GalleryStore, tmp_path: Path) -> None:
    registrar = Registrar("local", Waiting(tmp_path), None, ColorNetwork(), store)
    assert registrar.register("Ann", None, [Sample(b"", vector_of(1))]).ok
    assert registrar.register("Ann", None, [Sample(b"", vector_of(1, 1))]).ok
    with pytest.raises(RegisterError, match="does not look like ann"):
        registrar.register("Ann", None, [Sample(b"", vector_of(2))])
    said = registrar.register("Bob", None, [Sample(b"", vector_of(1, 2))]).text
    assert "looks like ann, who is known already" in said
    with pytest.raises(RegisterError, match="ann is the user_id of Ann"):
        registrar.register("Eve", "ANN", [Sample(b"", vector_of(3))])


_WRITER = """
import sys
from pathlib import Path
from edge.recognition.gallery import Gallery
from edge.registering.stored import GalleryStore
from tests.edge.registering_kit import vector_of
from tests.edge.test_registering_stored import COLORS
store = GalleryStore(Gallery(Path(sys.argv[1])), COLORS)
for number in range(40):
    store.add(f"{sys.argv[2]}-{number}", "Ann", [vector_of(number)] * 3)
"""


def test_agent_and_terminal_may_register_at_once(tmp_path: Path) -> None:
    Gallery(tmp_path).close()
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path), who], cwd=ROOT)
        for who in ("a", "b")
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    with closing(Gallery(tmp_path)) as gallery:
        people = GalleryStore(gallery, COLORS).people()
    assert len(people) == 80
    assert {one.samples for one in people} == {3}
