"""The commands and their exit statuses: words, never a traceback."""

import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge import __main__ as own
from edge import program
from edge.__main__ import main
from edge.checks import Finding
from edge.config import load_config
from edge.relay import RelayFailed
from edge.sections import Config
from tests.edge.test_program import settings

KEY = "knl_do_not_show"


@pytest.fixture
def given(tmp_path: Path, shared_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A door whose camera and server are away; its folder."""
    model = shared_dir / "models" / "yunet_n_640.onnx"
    for name, text in settings(tmp_path, model).items():
        monkeypatch.setenv(name, text)
    return tmp_path


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """`run` answers signals and writes the log in its own way."""
    handlers = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def said(capsys: pytest.CaptureFixture[str], folder: Path) -> str:
    """What went to the terminal; never a traceback, a path, a key."""
    told = capsys.readouterr()
    for hidden in ("Traceback", str(folder), KEY):
        assert hidden not in told.err + told.out
    return told.err


def set_local(monkeypatch: pytest.MonkeyPatch, network: Path) -> None:
    monkeypatch.setenv("EDGE_RECOGNITION_MODE", "local")
    monkeypatch.setenv("EDGE_RECOGNITION_NETWORK", str(network))


@pytest.mark.parametrize("kind", ["absent", "folder", "garbage", "manifest", "detector"])
def test_a_network_that_is_none_is_said(
    kind: str,
    given: Path,
    shared_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = given / ("net.toml" if kind == "manifest" else "net.onnx")
    if kind == "folder":
        place.mkdir()
    elif kind == "detector":
        place = shared_dir / "models" / "yunet_n_640.onnx"
    elif kind != "absent":
        place.write_bytes(b"\0\1\2")
    set_local(monkeypatch, place)
    assert main(["run"]) == 2
    assert "network" in said(capsys, given) or kind == "manifest"


def test_a_page_on_a_taken_port_is_said_and_everything_ends(
    given: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(threading.enumerate())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("EDGE_PAGE_ENABLED", "true")
        monkeypatch.setenv("EDGE_PAGE_PORT", str(port))
        assert main(["run"]) == 2
    assert f"the page cannot listen at port {port}" in said(capsys, given)
    assert left(before) == []


def test_a_page_at_no_address_is_said(
    given: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGE_PAGE_ENABLED", "true")
    monkeypatch.setenv("EDGE_PAGE_HOST", "no.such.host.invalid")
    monkeypatch.setenv("EDGE_PAGE_PASSWORD", "hush")
    assert main(["run"]) == 2
    assert "page.host is no address" in said(capsys, given)


@pytest.mark.parametrize("command", [["run"], ["list"], ["register", "Ada"]])
def test_a_folder_that_is_a_file_is_said(
    command: list[str],
    given: Path,
    shared_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (given / "file").write_text("")
    monkeypatch.setenv("EDGE_OUTBOX_FOLDER", str(given / "file"))
    set_local(monkeypatch, shared_dir / "models" / "mobilefacenet.onnx")
    assert main(command) == 2
    assert "outbox.folder" in said(capsys, given)


def test_a_pin_that_cannot_be_had_ends_before_anything_begins(
    given: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(threading.enumerate())
    monkeypatch.setenv("EDGE_RELAY_PIN", "17")
    assert main(["run"]) == 2
    assert said(capsys, given)
    assert left(before) == []


class OpenRelay:
    """A relay that stays open until somebody closes it."""

    def __init__(self) -> None:
        self.is_open, self.closed = True, 0
        self.said: Callable[[bool], None] = lambda _: None

    def pulse(self) -> None:
        raise AssertionError("nobody was let in")

    def close(self) -> None:
        self.is_open = False
        self.closed += 1


@pytest.mark.parametrize("part", ["Door", "camera_of", "page_of", "Reporter", "Agent"])
def test_the_relay_is_closed_whatever_cannot_be_made(
    part: str, given: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay, before = OpenRelay(), set(threading.enumerate())

    def broken(*_args: object, **_more: object) -> None:
        raise RuntimeError("it cannot be made")

    monkeypatch.setattr(program, "relay_of", lambda _: relay)
    monkeypatch.setattr(program, part, broken)
    with pytest.raises(RuntimeError, match="cannot be made"):
        program.run(load_config())
    assert not relay.is_open
    assert left(before) == [], "and nothing else goes on"


def left(before: set[threading.Thread]) -> list[str]:
    """Threads that were begun and go on; those that are ending have a moment."""
    begun = [one for one in threading.enumerate() if one not in before]
    for one in begun:
        one.join(10)
    return [one.name for one in begun if one.is_alive()]


@pytest.mark.usefixtures("given")
def test_close_silences_lamps_also_where_the_relay_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    silenced = list[str]()

    class Lamps:
        def close(self) -> None:
            silenced.append("dark")

    def stuck(_settings: object) -> None:
        raise RelayFailed("the pin cannot be used")

    monkeypatch.setattr(own, "relay_of", stuck)
    monkeypatch.setattr(own, "signals_of", lambda _: Lamps())
    assert main(["close"]) == 2
    assert silenced == ["dark"]
    assert "the pin cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("found", "status", "out"),
    [
        ([Finding("disk", "90 MB free")], 0, "ok  disk: 90 MB free\n"),
        (
            [Finding("disk", "90 MB free"), Finding("camera", "no frame came", True)],
            1,
            "ok  disk: 90 MB free\nBAD camera: no frame came\n",
        ),
    ],
)
@pytest.mark.usefixtures("given")
def test_check_says_what_it_found(
    found: list[Finding],
    status: int,
    out: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(own, "findings", lambda _: iter(found))
    assert main(["check"]) == status
    assert capsys.readouterr().out == out


@pytest.mark.usefixtures("given")
def test_a_key_that_is_pressed_ends_it_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pressed(_config: Config) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(own, "findings", pressed)
    assert main(["check"]) == 2
    assert capsys.readouterr().err == "stopped\n"


def test_who_is_known_is_listed_and_can_be_deleted(
    given: Path,
    shared_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_local(monkeypatch, shared_dir / "models" / "mobilefacenet.onnx")
    faces = given / "faces" / "Barack Obama"
    faces.mkdir(parents=True)
    photo = shared_dir / "faces" / "gallery" / "train" / "obama" / "obama.jpg"
    (faces / "1.jpg").write_bytes(photo.read_bytes())
    assert main(["register", "--folder", str(given / "faces")]) == 0
    capsys.readouterr()
    assert main(["list"]) == 0
    assert "Barack Obama" in capsys.readouterr().out
    assert main(["verify", "Barack Obama", "--photo", str(photo)]) == 0
    assert main(["delete", "Barack Obama", "--yes"]) == 0
    assert main(["delete", "Barack Obama", "--yes"]) == 2
    capsys.readouterr()
    assert main(["list"]) == 0
    assert "Barack Obama" not in capsys.readouterr().out


@pytest.mark.usefixtures("given")
def test_without_a_command_there_is_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    capsys.readouterr()
