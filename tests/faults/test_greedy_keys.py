"""One key that asks a thousand times does not keep a hundred others from their answers."""

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from core.access import Scope
from db.session import Database
from tests.api.keys_kit import make_key, sent
from tests.api.test_server import Server
from tests.fakes import portrait
from tests.integration.test_busy import HeldServer, until

pytestmark = pytest.mark.slow

PHOTO = portrait(5)
GREEDY, OTHERS = 1000, 100
LIMIT = 200


def keys_of(folder: Path, count: int) -> list[str]:
    """New keys in the database of a running server."""
    database = Database(f"sqlite:///{folder / 'var' / 'kenal.sqlite3'}")
    made = [make_key(database, Scope.IDENTIFY) for _ in range(count)]
    database.close()
    return made


def post(port: int, key: str) -> tuple[int, str | None, str | None]:
    """Status, code and Retry-After of one photo."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        headers = {"Content-Type": "image/png", **sent(key)}
        connection.request("POST", "/upload_photo", PHOTO, headers)
        answer = connection.getresponse()
        code = json.loads(answer.read()).get("error", {}).get("code")
        return answer.status, code, answer.headers["Retry-After"]


def patient(port: int, key: str) -> int:
    """As a good client: what is busy is sent again."""
    for _ in range(200):
        status, code, _ = post(port, key)
        if code != "busy":
            return status
    return 503


def test_the_greedy_is_told_to_wait_and_a_hundred_others_are_served(tmp_path: Path) -> None:
    more = {
        "KENAL_AUTH": "required",
        "KENAL_RATE_LIMIT": f"{LIMIT}/hour",
        "KENAL_QUEUE": "64",
    }
    server = Server(tmp_path, more=more)
    try:
        server.wait_ready()
        greedy, *others = keys_of(tmp_path, OTHERS + 1)
        with ThreadPoolExecutor(16) as pool, ThreadPoolExecutor(8) as second:
            flood = pool.map(lambda _: post(server.port, greedy), range(GREEDY))
            served = list(second.map(lambda key: patient(server.port, key), others))
            told = list(flood)
    finally:
        server.stop()
    assert served == [200] * OTHERS
    limited = [answer for answer in told if answer[1] == "rate_limited"]
    assert len(limited) >= GREEDY - LIMIT
    assert all(int(wait or 0) >= 1 for *_, wait in limited)
    assert {status for status, *_ in told} <= {200, 429, 503}


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[HeldServer, list[str]]]:
    server = HeldServer(tmp_path, {"KENAL_AUTH": "required", "KENAL_RATE_LIMIT": "off"})
    server.wait_ready()
    yield server, keys_of(tmp_path, 2)
    server.stop()


def test_a_full_queue_of_one_key_has_room_for_another(
    held: tuple[HeldServer, list[str]],
) -> None:
    """Without any limit: the queue is fair by itself."""
    server, (greedy, modest) = held
    with ThreadPoolExecutor(64) as pool:
        server.hold.touch()
        try:
            flood = [pool.submit(post, server.port, greedy) for _ in range(40)]
            # All places and the whole queue are the greedy one's; the rest was refused.
            until(lambda: sum(each.done() for each in flood) >= 30)
            mine = [pool.submit(post, server.port, modest) for _ in range(3)]
            until(lambda: sum(each.done() for each in flood) >= 33)
        finally:
            server.hold.unlink()
        assert [each.result()[0] for each in mine] == [200, 200, 200]
        assert sorted({each.result()[1] or "served" for each in flood}) == ["busy", "served"]
