"""A hundred photos at once, and what a real gunicorn says to those for whom there is no place."""

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.api.test_server import AT_ONCE, Server
from tests.fakes import portrait
from tests.integration.slow_served import HOLD

pytestmark = pytest.mark.slow

QUEUE = 8
CLIENTS = 100
PLACES = AT_ONCE + QUEUE
PATIENCE_SECONDS = 120.0
PHOTO = portrait(5)


@dataclass(frozen=True)
class Told:
    """What a client was told."""

    status: int
    code: str | None
    retry_after: str | None


class HeldServer(Server):
    """A gunicorn whose networks stop while `hold` is there; `more` are settings of its own."""

    def __init__(self, folder: Path, more: Mapping[str, str] | None = None) -> None:
        super().__init__(folder, "tests.integration.slow_served:create()", QUEUE, more)
        self.hold = folder / "var" / HOLD

    def post(self, path: str = "/upload_photo") -> Told:
        """A photo on a connection of its own."""
        with closing(
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        ) as connection:
            connection.request("POST", path, PHOTO, {"Content-Type": "image/png"})
            answer = connection.getresponse()
            error = json.loads(answer.read()).get("error", {})
            return Told(answer.status, error.get("code"), answer.headers["Retry-After"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeldServer]:
    server = HeldServer(tmp_path_factory.mktemp("busy"))
    server.wait_ready()
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.log.read_text()


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.01)


def told(answers: list[Future[Told]]) -> list[Told]:
    return [answer.result() for answer in answers if answer.done()]


@pytest.mark.parametrize("time_around", [1, 2])
def test_a_hundred_at_once(server: HeldServer, time_around: int) -> None:
    with ThreadPoolExecutor(CLIENTS) as pool:
        server.hold.touch()
        try:
            answers = [pool.submit(server.post) for _ in range(CLIENTS)]
            # While not one photo gets done, everybody beyond the queue has an answer.
            until(lambda: len(told(answers)) >= CLIENTS - PLACES)
            refused = told(answers)
            assert {(answer.status, answer.code) for answer in refused} == {(503, "busy")}
            assert all(int(answer.retry_after or 0) >= 1 for answer in refused)
            for path in ("/healthz", "/readyz", "/users", "/photos", "/"):
                assert server.ask("GET", path)[0] == 200
            assert server.post("/users/newcomer/photos").code == "busy"
            assert server.ask("GET", "/users/newcomer")[0] == 404
            assert len(told(answers)) == CLIENTS - PLACES
        finally:
            server.hold.unlink()
        served = [answer.result(PATIENCE_SECONDS) for answer in answers]
    assert sorted(answer.status for answer in served) == [200] * PLACES + [503] * len(refused)


def all_are_served(server: HeldServer) -> bool:
    """Whether as many photos as there are places get their answers at once."""
    with ThreadPoolExecutor(PLACES) as pool:
        return {each.status for each in pool.map(lambda _: server.post(), range(PLACES))} == {200}


def test_afterwards_all_places_are_free(server: HeldServer) -> None:
    for _ in range(5):
        assert all_are_served(server)
    assert server.post("/users/newcomer/photos").status == 201
    assert server.ask("GET", "/users/newcomer")[0] == 200


def test_clients_that_leave_give_their_places_back(server: HeldServer) -> None:
    server.hold.touch()
    try:
        for _ in range(PLACES):
            with closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connection:
                connection.request("POST", "/upload_photo", PHOTO, {"Content-Type": "image/png"})
    finally:
        server.hold.unlink()
    until(lambda: all_are_served(server))
