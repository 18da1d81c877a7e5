"""The form of the live page, pressed in a real browser that is driven through its pipe."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.page.types import CaptureResult, Say
from edge.settings_fields import Secret
from tests.edge.test_page import SETTINGS, Open, opened, plain, track, until

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no browser: apt-get install chromium"),
]
_MOVE = 'exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>/dev/null'  # the browser's pipe is 3 and 4


class Browser:
    """A tab that is told what to do."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to, self._from, self._number = process.stdin, process.stdout, 0
        tab = self._ask("Target.createTarget", {"url": "about:blank"}, None)["targetId"]
        attach = {"targetId": tab, "flatten": True}
        self._tab: str = self._ask("Target.attachToTarget", attach, None)["sessionId"]

    def open(self, address: str) -> None:
        self._ask("Page.navigate", {"url": address}, self._tab)

    def run(self, script: str) -> Any:
        """What the script answers."""
        said = {"expression": script, "returnByValue": True}
        return self._ask("Runtime.evaluate", said, self._tab)["result"].get("value")

    def text(self, place: str) -> str:
        return str(self.run(f'(document.querySelector("{place}") || {{}}).textContent'))

    def _ask(self, method: str, said: dict[str, Any], tab: str | None) -> dict[str, Any]:
        self._number += 1
        order = {"id": self._number, "method": method, "params": said}
        order.update({"sessionId": tab} if tab else {})
        self._to.write(json.dumps(order).encode() + b"\0")
        self._to.flush()
        while True:
            told = json.loads(self._line())
            if told.get("id") == self._number:
                assert "result" in told, told
                result: dict[str, Any] = told["result"]
                return result

    def _line(self) -> bytes:
        read = bytearray()
        while (sign := self._from.read(1)) != b"\0":
            assert sign, "the browser is gone"
            read += sign
        return bytes(read)


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    command = ["/bin/sh", "-c", _MOVE, str(CHROMIUM), "--headless", "--no-sandbox"]
    command += ["--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"]
    command += [f"--user-data-dir={folder / 'profile'}"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        try:
            yield Browser(process)
        finally:
            process.terminate()


class Registering:
    """A capture that goes on when told."""

    def __init__(self) -> None:
        self.names, self.go_on = list[str](), threading.Event()

    def __call__(self, name: str, say: Say, /) -> CaptureResult:
        self.names.append(name)
        say("Look at the camera: 2 of 5")
        assert self.go_on.wait(60)
        return CaptureResult(True, f"{name} is registered.")


def fill_in(browser: Browser, name: str) -> None:
    browser.run(f"document.getElementById('name').value = {json.dumps(name)}")
    browser.run("document.getElementById('go').click()")


def test_somebody_is_registered_behind_a_password(tmp_path: Path) -> None:
    capture = Registering()
    settings = replace(SETTINGS, password=Secret("open-42"))
    with opened(settings, capture) as door, browsing(tmp_path) as browser:
        browser.open(f"http://any:open-42@127.0.0.1:{door.page.port}/video_feed_page")
        until(lambda: "cannot be reached" in browser.text("#status"))
        fill_in(browser, "Zoë <b>Ünal</b>")
        until(lambda: "2 of 5" in browser.text("#progress"))
        assert browser.run("document.getElementById('go').disabled") is True
        capture.go_on.set()
        until(lambda: "is registered" in browser.text("#progress"))
        assert browser.text("#progress") == "Zoë <b>Ünal</b> is registered."
        assert browser.run("document.querySelector('#progress b') === null") is True
        until(lambda: browser.run("document.getElementById('go').disabled") is False)
    assert capture.names == ["Zoë <b>Ünal</b>"]


def test_a_page_that_lost_its_door_says_so_and_finds_it_again(tmp_path: Path) -> None:
    with browsing(tmp_path) as browser:
        with opened() as door:
            port = door.page.port
            show(door)
            browser.open(f"{door.origin}/video_feed_page")
            until(lambda: door.page.viewers == 1)
            until(lambda: "frames a second" in browser.text("#rate"))
        until(lambda: "does not answer" in browser.text("#trouble"))
        with opened(replace(SETTINGS, port=port)) as door:
            show(door)
            until(lambda: browser.text("#trouble") == "")
            until(lambda: door.page.viewers == 1)


def show(door: Open) -> None:
    door.board.show(plain(10, 1000), [track()])


def test_who_comes_too_late_gets_the_picture_when_somebody_leaves(tmp_path: Path) -> None:
    with opened(replace(SETTINGS, max_viewers=1)) as door, browsing(tmp_path) as browser:
        with door.client() as client, client.stream("GET", "/video_feed"):
            browser.open(f"{door.origin}/video_feed_page")
            until(lambda: "Too many" in browser.text("#trouble"))
        until(lambda: door.page.encoded > 0 and door.page.viewers == 1)
        until(lambda: browser.run("document.getElementById('trouble').hidden") is True)


EVIL = """<body><img src="DOOR/video_feed" onerror="document.title = 'kept'">
<form id="form" method="post" enctype="text/plain" target="inside" action="DOOR/capture">
<input name='{"name":"Mallory","a":"' value='"}'></form>
<iframe name="inside" onload="document.body.dataset.loaded += 1"></iframe>
<script>
document.body.dataset.loaded = "";
document.getElementById("form").submit();
fetch("DOOR/capture", { method: "POST", mode: "no-cors", body: '{"name":"Mallory"}' })
  .finally(() => { document.body.dataset.asked = "yes"; });
</script>"""


def test_another_sites_page_cannot_show_it_or_press_the_button(tmp_path: Path) -> None:
    capture, evil = Registering(), tmp_path / "evil.html"
    with opened(capture=capture) as door, browsing(tmp_path) as browser:
        show(door)
        evil.write_text(EVIL.replace("DOOR", door.origin))
        browser.open(evil.as_uri())
        until(lambda: browser.run("document.title") == "kept")
        until(lambda: browser.run("document.body.dataset.asked") == "yes")
        until(lambda: bool(browser.run("document.body.dataset.loaded")))
        capture.go_on.set()
    assert capture.names == []
