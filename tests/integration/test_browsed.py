"""The contract's page in a real browser: it shows every operation, and asks no other site."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.test_server import Server

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no browser: apt-get install chromium"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    server.wait_ready()
    yield server
    server.stop()


def test_the_page_shows_the_contract(server: Server, tmp_path: Path) -> None:
    page = f"http://127.0.0.1:{server.port}/docs"
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000"]
    # No name but this machine's can be resolved: whatever the page needs, it has brought.
    command += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", page]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    _, contract = server.ask("GET", "/openapi.json")
    summaries = [said["summary"] for path in contract["paths"].values() for said in path.values()]
    assert len(summaries) > 40
    for summary in summaries:
        words = summary.replace("&", "&amp;").replace("<", "&lt;")
        assert words in shown, f"not on the page: {summary}"
    assert "Authorize" in shown
