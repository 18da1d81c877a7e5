"""A calibration recorded by a command is what two gunicorn workers and the watcher judge by.

Real gunicorn, the real watcher and the real command, on fake networks.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from db.session import Database
from tests.calibration_kit import recorded, row
from tests.evaluation.kit import people
from tests.fakes import THRESHOLD, color_of, portrait, spec, vector_of
from tests.integration.system import client_of_each_worker
from tests.integration.test_switching import PNG, Served, served
from tests.switch_kit import two_networks_in

PATIENCE_SECONDS = 240
SIMILAR = float(vector_of(color_of(5)) @ vector_of(color_of(5, 6)))
"""Of two photos of one person."""


@pytest.fixture
def kenal(tmp_path: Path) -> Iterator[Served]:
    with two_networks_in(tmp_path) as kit:
        kit.enroll("anna/1.png", 5)
    with served(tmp_path) as kenal:
        yield kenal


@contextmanager
def workers_of(kenal: Served) -> Iterator[Sequence[httpx.Client]]:
    with ExitStack() as stack:
        clients = client_of_each_worker(kenal)
        for client in clients:
            stack.callback(client.close)
        yield clients


def said(client: httpx.Client) -> tuple[str, float, int | None]:
    answer = client.post("/upload_photo", content=portrait(5, 6), headers=PNG)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    ready = client.get("/readyz").json()["checks"]["threshold"]
    assert (ready["threshold"], ready["calibration"]) == (found["threshold"], found["calibration"])
    return found["decision"], found["threshold"], found["calibration"]


def status_of(kenal: Served, name: str) -> object:
    rows = kenal.query("SELECT status FROM photos WHERE path = ?", name)
    return rows[0][0] if rows else None


def in_the_watcher(kenal: Served, number: int) -> None:
    kenal.until(lambda: kenal.log("watcher").count(f"calibration {number}") >= 1, PATIENCE_SECONDS)


@pytest.mark.timeout(4 * PATIENCE_SECONDS)
def test_every_process_judges_by_what_a_command_recorded(kenal: Served, tmp_path: Path) -> None:
    photos = people(tmp_path / "labelled", 40, 2)
    with workers_of(kenal) as workers:
        assert len(workers) == 2
        assert [said(worker) for worker in workers] == [("match", THRESHOLD, None)] * 2
        told = kenal.command(f"calibrate propose --fmr 0.01 --dataset {photos} --record --by ann")
        assert "Recorded as calibration 1." in told
        ((threshold,),) = kenal.query("SELECT threshold FROM calibrations")
        assert threshold != THRESHOLD
        assert [said(worker)[1:] for worker in workers] == [(threshold, 1)] * 2
        strict = round(SIMILAR + 0.01, 4)
        database = Database(f"sqlite:///{tmp_path / 'var' / 'kenal.sqlite3'}")
        recorded(database, spec(), row(strict), 1)
        database.close()
        assert [said(worker) for worker in workers] == [("no_match", strict, 2)] * 2
        # The watcher, too: this photo looks too little like the person's first.
        in_the_watcher(kenal, 2)
        (kenal.drop / "anna" / "2.png").write_bytes(portrait(5, 6))
        kenal.until(lambda: status_of(kenal, "anna/2.png") not in (None, "pending"), 240)
        assert status_of(kenal, "anna/2.png") != "enrolled"
        kenal.command("calibrate withdraw 2 --by ann")
        assert [said(worker) for worker in workers] == [("match", threshold, 1)] * 2
