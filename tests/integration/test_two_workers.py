"""Read-your-writes over processes: two gunicorn workers and the watcher, on real networks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.integration.photos import numbered
from tests.integration.system import RunningKenal, client_of_each_worker, running

ROUNDS = 50
DROP_EVERY = 10
JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture(scope="module")
def kenal(
    tmp_path_factory: pytest.TempPathFactory, prepared_models: Path
) -> Iterator[RunningKenal]:
    folder: Path = tmp_path_factory.mktemp("two-workers")
    with running(RunningKenal(folder, model_dir=prepared_models), "web", "watcher") as kenal:
        yield kenal


def who(client: httpx.Client, photo: bytes) -> str | None:
    answer = client.post("/upload_photo", content=photo, headers=JPEG)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["decision"] == "match") == (body["user_id"] is not None)
    user_id: str | None = body["user_id"]
    return user_id


def enroll(kenal: RunningKenal, client: httpx.Client, number: int, user_id: str) -> None:
    """Enroll by API, and by the drop folder in every tenth round."""
    photo = numbered(number)
    if number % DROP_EVERY:
        answer = client.post(f"/users/{user_id}/photos", content=photo, headers=JPEG)
        assert answer.status_code == 201, answer.text
    else:
        (kenal.drop / f"{user_id}.jpg").write_bytes(photo)
        enrolled = f"/photos?status=enrolled&user_id={user_id}"
        kenal.until(lambda: len(client.get(enrolled).json()["photos"]) == 1, 60)


@pytest.mark.timeout(600)
def test_enrolled_is_found_and_deleted_is_not_by_the_next_request(kenal: RunningKenal) -> None:
    with closing_all(client_of_each_worker(kenal)) as workers:
        assert len(workers) == 2
        play_rounds(kenal, workers)
    assert not list(kenal.drop.rglob("*.jpg"))


@contextmanager
def closing_all(clients: Sequence[httpx.Client]) -> Iterator[Sequence[httpx.Client]]:
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


def play_rounds(kenal: RunningKenal, workers: Sequence[httpx.Client]) -> None:
    probe = numbered(399)
    for number in range(ROUNDS):
        user_id = f"round-{number}"
        enroll(kenal, workers[number % 2], number, user_id)
        assert [who(worker, probe) for worker in workers] == [user_id, user_id]
        assert workers[(number + 1) % 2].delete(f"/users/{user_id}").status_code == 204
        assert [who(worker, probe) for worker in workers] == [None, None]
    assert workers[0].get("/users").json()["users"] == []


def test_no_process_has_tensorflow(kenal: RunningKenal) -> None:
    """After all that: not in the memory of a worker, nor of the watcher, which converts."""
    for name in ("web", "watcher"):
        parent = kenal.processes[name].pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for pid in [str(parent), *children]:
            loaded = Path(f"/proc/{pid}/maps").read_text()
            assert "tensorflow" not in loaded, name
        some = children[0] if name == "web" else str(parent)
        assert "onnxruntime" in Path(f"/proc/{some}/maps").read_text()  # or it sees nothing
