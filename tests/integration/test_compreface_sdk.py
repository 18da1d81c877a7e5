"""CompreFace's own client, unchanged, at a real gunicorn: as its README says to use it."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from core.access import Scope
from tests.api.keys_kit import make_key
from tests.fakes import fake_settings, group, make_services, nobody, portrait
from tests.integration.system import RunningKenal, running
from tests.served_kit import served

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    # The client leaves the files open that it sends.
    pytest.mark.filterwarnings("ignore:.*unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
OPTIONS = {
    "limit": 0,
    "det_prob_threshold": 0.8,
    "prediction_count": 1,
    "face_plugins": "calculator,age,gender,landmarks",
    "status": "true",
}


@dataclass(frozen=True)
class World:
    """A server, and photos: two of Ada, one of Bob, one of both, and none of anybody.

    `stranger` is somebody whom nobody adds.
    """

    port: int
    key: str
    ada: Path
    ada_again: Path
    bob: Path
    both: Path
    stranger: Path
    nobody: Path
    dimensions: int

    def client(self, options: dict[str, object] | None = None) -> Any:
        from compreface import CompreFace  # type: ignore[import-untyped]

        return CompreFace("http://localhost", str(self.port), options or {})


def saved(folder: Path, name: str, photo: bytes) -> Path:
    path = folder / f"{name}.png"
    path.write_bytes(photo)
    return path


@contextmanager
def made_up(folder: Path) -> Iterator[World]:
    """People of color, and a server that asks for a key."""
    services = make_services(fake_settings(folder))
    key = make_key(services.database, Scope.ADMIN)
    services.close()
    photos = {
        "ada": portrait(5),
        "ada_again": portrait(5, shade=4),
        "bob": portrait(77),
        "both": group([5, 77], [80, 60]),
        "stranger": portrait(200),
        "nobody": nobody(),
    }
    paths = {name: saved(folder, name, photo) for name, photo in photos.items()}
    with served(folder, {"KENAL_AUTH": "required"}) as server:
        yield World(server.port, key, dimensions=64, **paths)


@contextmanager
def real(folder: Path, models: Path, shared: Path) -> Iterator[World]:
    """Photos of people, dlib's network, and any key at all."""
    gallery = shared / "faces" / "gallery"
    blank = saved(folder, "nobody", nobody())
    with running(RunningKenal(folder, model_dir=models, workers=1), "web") as kenal:
        yield World(
            port=kenal.port,
            key="any key",
            ada=gallery / "single" / "obama.jpg",
            ada_again=gallery / "single" / "obama2.jpg",
            bob=gallery / "single" / "biden.jpg",
            both=gallery / "two_people.jpg",
            stranger=gallery / "test" / "alex_lacamoire1.jpg",
            nobody=blank,
            dimensions=128,
        )


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    """The client wants a requests-toolbelt that wants this module of urllib3 before 2."""
    name = "urllib3.contrib.appengine"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, name, ModuleType(name))
        yield


@pytest.fixture(scope="module", params=["colors", "dlib"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("sdk")
    if request.param == "colors":
        with made_up(folder) as found:
            yield found
        return
    models = request.getfixturevalue("prepared_models")
    with real(folder, models, request.getfixturevalue("shared_dir")) as found:
        yield found


@pytest.fixture
def recognition(world: World) -> Iterator[Any]:
    """A recognition service whose collection is empty, before and after."""
    service = world.client().init_face_recognition(world.key)
    service.get_subjects().delete_all()
    yield service
    service.get_subjects().delete_all()


@contextmanager
def hosted(folder: Path) -> Iterator[str]:
    """The files of a folder on the web."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def names(answer: dict[str, Any]) -> list[list[str]]:
    """Who is named for each face."""
    return [[one["subject"] for one in face["subjects"]] for face in answer["result"]]


def test_subjects(recognition: Any) -> None:
    subjects = recognition.get_subjects()
    assert subjects.list() == {"subjects": []}
    assert subjects.add("Ada Lovelace") == {"subject": "Ada Lovelace"}
    assert subjects.add("Ada Lovelace")["code"] == 43
    assert subjects.list() == {"subjects": ["Ada Lovelace"]}
    refused = subjects.update("Ada Lovelace", "Ada King")
    assert (refused["code"], "cannot be renamed" in refused["message"]) == (26, True)
    assert subjects.update("Ada Lovelace", "Ada Lovelace") == {"updated": False}
    assert subjects.delete("Ada Lovelace") == {"subject": "Ada Lovelace"}
    assert subjects.delete("Ada Lovelace")["code"] == 42
    subjects.add("a")
    subjects.add("b")
    assert subjects.delete_all() == {"deleted": 2}


def test_examples_from_path_bytes_and_url(world: World, recognition: Any) -> None:
    collection = recognition.get_face_collection()
    first = collection.add(image_path=str(world.ada), subject="Ada Lovelace")
    assert first["subject"] == "Ada Lovelace"
    second = collection.add(world.ada_again.read_bytes(), "Ada Lovelace")
    with hosted(world.bob.parent) as site:
        third = collection.add(f"{site}/{world.bob.name}", "bob", {"det_prob_threshold": 0.8})
    assert collection.list() == {
        "faces": [first, second, third],
        "page_number": 0,
        "page_size": 20,
        "total_pages": 1,
        "total_elements": 3,
    }
    assert collection.add(str(world.both), "both")["code"] == 31
    assert collection.add(str(world.nobody), "nobody")["code"] == 28
    assert collection.add(str(world.bob), "Ada Lovelace").keys() == {"code", "message"}
    assert collection.delete(third["image_id"]) == third
    assert collection.delete(third["image_id"])["code"] == 44
    assert collection.delete_all("Ada Lovelace") == {"deleted": 2}
    assert collection.list()["total_elements"] == 0


def test_recognition(world: World, recognition: Any) -> None:
    collection = recognition.get_face_collection()
    collection.add(str(world.ada), "ada")
    collection.add(str(world.bob), "bob")
    assert names(recognition.recognize(image_path=str(world.ada_again))) == [["ada"]]
    assert sorted(names(recognition.recognize(str(world.both)))) == [["ada"], ["bob"]]
    assert [] in names(recognition.recognize(str(world.stranger)))
    assert {"ada", "bob"}.isdisjoint(*names(recognition.recognize(str(world.stranger))))
    assert recognition.recognize(str(world.nobody)) == {
        "message": "No face is found in the given image",
        "code": 28,
    }


def test_all_options(world: World, recognition: Any) -> None:
    recognition.get_face_collection().add(str(world.ada), "ada")
    answer = recognition.recognize(image_path=str(world.ada_again), options=OPTIONS)
    [face] = answer["result"]
    assert len(face["embedding"]) == world.dimensions
    assert len(face["landmarks"]) == 5
    assert face["box"]["probability"] > 0.8
    assert face["box"]["x_min"] < face["landmarks"][2][0] < face["box"]["x_max"]
    assert face["subjects"][0]["subject"] == "ada"
    assert set(answer["plugins_versions"]) == set(face["execution_time"])
    # The same, given once for all.
    service = world.client(OPTIONS).init_face_recognition(world.key)
    assert set(service.recognize(str(world.ada_again))["result"][0]) == set(face)
    only = recognition.recognize(str(world.both), {"limit": 1})
    assert len(only["result"]) == 1


def test_verify_an_example(world: World, recognition: Any) -> None:
    collection = recognition.get_face_collection()
    image_id = collection.add(str(world.ada), "ada")["image_id"]
    [same] = collection.verify(str(world.ada_again), image_id, {"limit": 1})["result"]
    [other] = collection.verify(str(world.bob), image_id)["result"]
    assert same["similarity"] > other["similarity"]


def test_detection(world: World) -> None:
    service = world.client().init_face_detection(world.key)
    assert len(service.detect(str(world.both))["result"]) == 2
    [face] = service.detect(str(world.ada), {"limit": 1, "face_plugins": "landmarks"})["result"]
    assert set(face) == {"box", "landmarks"}
    assert service.detect(str(world.nobody))["code"] == 28


def test_verification(world: World) -> None:
    service = world.client(OPTIONS).init_face_verification(world.key)
    [found] = service.verify(str(world.ada), str(world.both))["result"]
    scores = sorted(face["similarity"] for face in found["face_matches"])
    [same] = service.verify(str(world.ada), str(world.ada_again))["result"]
    assert scores[0] < min(scores[1], same["face_matches"][0]["similarity"])
    assert len(found["source_image_face"]["embedding"]) == world.dimensions
    assert service.verify(str(world.both), str(world.ada))["code"] == 31


def test_a_key_that_is_none(world: World) -> None:
    answer = world.client().init_face_recognition("no key").get_subjects().list()
    if world.key == "any key":
        assert answer == {"subjects": []}
    else:
        assert set(answer) == {"message", "code"}
        assert answer["code"] == 10


def test_the_documented_move(world: World, recognition: Any, tmp_path: Path) -> None:
    """The script of the documents, from one service to another: both speak CompreFace."""
    if world.key == "any key":
        pytest.skip("once is enough")
    collection = recognition.get_face_collection()
    for photo, subject in ((world.ada, "ada"), (world.ada_again, "ada"), (world.bob, "bob")):
        collection.add(str(photo), subject)
    text = (ROOT / "docs" / "api" / "compreface.md").read_text()
    [script] = re.findall(r"```python\n(import requests\n.*?)```", text, re.DOTALL)
    with served(tmp_path) as server:
        new = f"{server.url}/api/v1"
        script = script.replace("http://localhost:8000/api/v1", new).replace("knl_…", "none")
        script = script.replace("http://old:8000", f"http://localhost:{world.port}")
        command = [sys.executable, "-c", script.replace('"…"', repr(world.key))]
        for _ in range(2):
            assert subprocess.run(command, check=True, capture_output=True).stdout == b""
        moved = httpx.get(f"{new}/recognition/faces").json()["faces"]
    assert [one["subject"] for one in moved] == ["ada", "ada", "bob"]
