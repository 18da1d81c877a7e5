"""The parts of a door put together, before a server that answers as told."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from edge.active import KEY_REFUSED
from edge.board import Kind, Label
from edge.crop import crop_jpeg
from edge.detection import YuNet
from edge.program import Door
from edge.relay import Relay, RelayFailed
from edge.sections import Config, DetectorSettings, OutboxSettings, RecognitionSettings
from edge.sending import Connection, sending
from edge.settings_fields import Secret
from edge.types import Camera, Frame, Track, Visit
from tests.edge.agent_kit import FACE, visit
from tests.edge.bad_server import BadServer, Handler, bad_server
from tests.edge.test_detection import photo

SOON_SECONDS = 60.0


def soon(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SOON_SECONDS
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


class FakeRelay:
    """Counts how often it was opened."""

    def __init__(self, *, fails: bool = False) -> None:
        self.pulses, self._fails = 0, fails
        self.said: Callable[[bool], None] = lambda _: None

    def pulse(self) -> None:
        if self._fails:
            raise RelayFailed("the pin could not be switched")
        self.pulses += 1


class FakeCamera:
    def status(self) -> str:
        return "ok"


class Kenal:
    """Says of everybody that they may come in."""

    def __init__(self) -> None:
        self.is_active, self.is_there, self.knows_key = True, True, True

    def __call__(self, handler: Handler) -> None:
        if not self.is_there:
            handler.hang_up()
        elif not self.knows_key:
            handler.error(401, "unauthorized")
        elif handler.path.endswith("/heartbeat"):
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            told = {"request_id": handler.event_id, "server_time": now, "fresh_seconds": 10}
            handler.json(200, {**told, "heartbeat_seconds": 5, "active": self.is_active})
        elif handler.path == "/checkins":
            handler.taken(profile={"name": "Somebody"})
        else:
            handler.error(404, "not_found")


@pytest.fixture
def kenal() -> Kenal:
    return Kenal()


@pytest.fixture
def server(kenal: Kenal) -> Iterator[BadServer]:
    with bad_server(kenal) as server:
        yield server


@pytest.fixture
def config(server: BadServer, tmp_path: Path, shared_dir: Path) -> Config:
    return Config(
        server=server.settings(),
        detector=DetectorSettings(shared_dir / "models" / "yunet_n_640.onnx"),
        outbox=OutboxSettings(tmp_path / "edge-data"),
    )


def local(config: Config, shared: Path, **more: Any) -> Config:
    network = shared / "models" / "mobilefacenet.onnx"
    settings = RecognitionSettings(mode="local", network=network, sync=False)
    return replace(config, recognition=replace(settings, **more))


@pytest.fixture(scope="module")
def obama(shared_dir: Path) -> Visit:
    """Somebody real, at no time yet: see `now`."""
    image = photo(shared_dir / "faces" / "gallery" / "train" / "obama" / "obama.jpg")
    faces = YuNet(shared_dir / "models" / "yunet_n_640.onnx").find(image)
    best = max(faces, key=lambda one: one.box[2])
    frame = Frame(image, 1, 0.0, 0.0)
    return Visit(1, frame, best, 1.0, crop_jpeg(frame, best), 0.0, ((frame, best),))


def now(seen: Visit, track_id: int = 1) -> Visit:
    frame = replace(seen.frame, captured_at=time.time(), captured_monotonic=time.monotonic())
    views = ((frame, seen.face),)
    return replace(seen, track_id=track_id, frame=frame, captured_at=frame.captured_at, views=views)


def know(door: Door, seen: Visit) -> None:
    """Registered at the device."""
    assert door.local is not None
    vector = door.local.recognizer.embed(seen.frame, seen.face)
    door.local.store.add("obama", "Barack Obama", [vector])
    door.local.recognizer.refresh()


def connection_of(door: Door) -> Connection:
    connection = door.status(cast(Any, None)).connection
    assert connection is not None
    return connection


def label_at(door: Door, track_id: int = 1) -> Label | None:
    door.board.show(visit().frame, [Track(track_id, FACE, 1, 0.0)])
    scene = door.board.scene()
    assert scene is not None
    return scene.labels.get(track_id)


def test_the_servers_word_opens_where_the_server_recognizes(config: Config, obama: Visit) -> None:
    relay = FakeRelay()
    with ExitStack() as stack:
        door = Door(config, cast(Relay, relay), stack)
        door.offer(now(obama))
        assert soon(lambda: relay.pulses == 1)
        assert soon(lambda: label_at(door) == Label(Kind.KNOWN, "Somebody"))


def test_the_servers_word_opens_nothing_where_the_device_decides(
    config: Config, server: BadServer, shared_dir: Path, obama: Visit
) -> None:
    relay = FakeRelay()
    with ExitStack() as stack:
        door = Door(local(config, shared_dir, offline="known"), cast(Relay, relay), stack)
        door.offer(now(obama))
        assert soon(lambda: len(server.committed) == 1), "the server let somebody in"
        outbox = door.status(cast(Any, None)).connection
        assert outbox is not None
        assert soon(lambda: outbox.waiting() == 0), "and was heard"
        assert relay.pulses == 0
        assert label_at(door) == Label(Kind.UNKNOWN, "unknown", None)
        know(door, obama)
        door.offer(now(obama, track_id=2))
        assert relay.pulses == 1
        label = label_at(door, 2)
        assert label is not None
        assert (label.kind, label.text) == (Kind.KNOWN, "Barack Obama")


@pytest.mark.parametrize(("offline", "pulses"), [("deny", 0), ("known", 1), ("review", 1)])
def test_while_the_server_is_away_the_policy_decides_and_nothing_is_lost(
    config: Config,
    kenal: Kenal,
    server: BadServer,
    shared_dir: Path,
    obama: Visit,
    offline: str,
    pulses: int,
) -> None:
    kenal.is_there, relay = False, FakeRelay()
    with ExitStack() as stack:
        door = Door(local(config, shared_dir, offline=offline), cast(Relay, relay), stack)
        know(door, obama)
        door.offer(now(obama))
        assert relay.pulses == pulses
        kenal.is_there = True
        assert soon(lambda: len(server.committed) == 1)
        assert relay.pulses == pulses


def test_a_device_that_is_switched_off_opens_nothing_also_after_a_restart_without_a_server(
    config: Config, kenal: Kenal, shared_dir: Path, obama: Visit
) -> None:
    kenal.is_active, relay = False, FakeRelay()
    own = local(config, shared_dir, offline="known")
    with ExitStack() as stack:
        door = Door(own, cast(Relay, relay), stack)
        know(door, obama)
        connection = door.status(cast(Any, None)).connection
        assert connection is not None
        assert soon(connection.answers)
        door.offer(now(obama))
        assert relay.pulses == 0
    kenal.is_there = False
    with ExitStack() as stack:
        door = Door(own, cast(Relay, relay), stack)
        door.offer(now(obama))
        assert relay.pulses == 0


def test_a_door_alone_decides_too(config: Config, shared_dir: Path, obama: Visit) -> None:
    relay = FakeRelay()
    alone = local(replace(config, server=Config().server), shared_dir)
    with ExitStack() as stack:
        door = Door(alone, cast(Relay, relay), stack)
        know(door, obama)
        door.offer(now(obama))
    assert relay.pulses == 1


@pytest.mark.parametrize(
    ("relay", "let_in"), [(FakeRelay(), "true"), (FakeRelay(fails=True), "false"), (None, "true")]
)
def test_the_server_hears_who_was_let_in_and_the_page_what_the_relay_did(
    relay: FakeRelay | None,
    let_in: str,
    config: Config,
    server: BadServer,
    shared_dir: Path,
    obama: Visit,
) -> None:
    with ExitStack() as stack:
        door = Door(local(config, shared_dir), cast(Relay | None, relay), stack)
        know(door, obama)
        assert soon(lambda: any("/heartbeat" in one for one in server.asked))
        door.offer(now(obama))
        assert soon(lambda: len(server.committed) == 1)
        connection = door.status(cast(Any, None)).connection
        assert connection is not None
        assert soon(lambda: connection.waiting() == 0)
        (happening,) = door.board.happenings()
        assert happening.opened is (relay is not None and let_in == "true")
    (body,) = [one for one in server.bodies if b'name="event_id"' in one]
    assert f'name="device_opened"\r\n\r\n{let_in}\r\n'.encode() in body
    assert b'name="device_decision"\r\n\r\nmatch\r\n' in body


def test_a_key_that_is_refused_is_said_and_loses_nothing(
    config: Config, kenal: Kenal, server: BadServer, obama: Visit
) -> None:
    kenal.knows_key, relay = False, FakeRelay()

    def said() -> set[str]:
        status = door.status(cast(Camera, FakeCamera()))
        rows = {row.name: row.word for row in status.rows()}
        return {rows["server"], str(status.words()["server"])}

    with ExitStack() as stack:
        door = Door(config, cast(Relay, relay), stack)
        connection = connection_of(door)
        door.offer(now(obama))
        refused = f"the key is refused: server.key is not valid; {KEY_REFUSED}"
        assert soon(lambda: said() == {refused})
        assert soon(lambda: connection.sender.pause.alarm == "unauthorized")
        assert (connection.waiting(), server.committed, relay.pulses) == (1, [], 0)
        kenal.knows_key = True
        connection.beats.beat()
        assert soon(lambda: said() == {"ok"})
        assert soon(lambda: len(server.committed) == 1)
        assert soon(lambda: connection.waiting() == 0)


@pytest.mark.parametrize("offline", ["deny", "known", "review"])
def test_a_door_whose_key_is_refused_opens_nothing_until_it_is_accepted(
    config: Config, kenal: Kenal, server: BadServer, shared_dir: Path, obama: Visit, offline: str
) -> None:
    relay, own = FakeRelay(), local(config, shared_dir, offline=offline)
    with ExitStack() as stack:
        door = Door(own, cast(Relay, relay), stack)
        know(door, obama)
        connection = connection_of(door)
        assert soon(connection.answers)
        kenal.knows_key = False
        door.offer(now(obama))
        assert relay.pulses == 1, "the server has not said a word yet"
        assert soon(lambda: connection.sender.pause.alarm == "unauthorized")
        connection.beats.stop()
        door.offer(now(obama))
        assert relay.pulses == 1, "an event was refused, whatever the last heartbeat was told"
    kenal.is_there, fresh = False, replace(own.server, key=Secret("knl_fresh_z"))
    for server_settings, pulses in ((own.server, 1), (fresh, 1 if offline == "deny" else 2)):
        with ExitStack() as stack:
            door = Door(replace(own, server=server_settings), cast(Relay, relay), stack)
            door.offer(now(obama))
            assert relay.pulses == pulses
    kenal.is_there = kenal.knows_key = True
    with ExitStack() as stack:
        door = Door(own, cast(Relay, relay), stack)
        connection = connection_of(door)
        assert soon(connection.answers)
        door.offer(now(obama))
        assert relay.pulses == pulses + 1
        assert soon(lambda: connection.waiting() == 0)
    assert len(set(server.committed)) == 5, "nothing was lost"


def test_a_key_that_a_heartbeat_is_refused_for_is_good_again_without_a_restart(
    config: Config, kenal: Kenal, shared_dir: Path, obama: Visit
) -> None:
    kenal.knows_key, relay = False, FakeRelay()
    with ExitStack() as stack:
        door = Door(local(config, shared_dir, offline="known"), cast(Relay, relay), stack)
        know(door, obama)
        connection = connection_of(door)
        assert soon(lambda: not connection.key)
        door.offer(now(obama))
        assert relay.pulses == 0
        kenal.knows_key = True
        connection.beats.beat()
        door.offer(now(obama))
        assert relay.pulses == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_portal_that_wants_a_login_is_a_server_that_is_away(
    config: Config, shared_dir: Path, obama: Visit, status: int
) -> None:
    relay = FakeRelay()
    with ExitStack() as stack:
        portal = stack.enter_context(bad_server(lambda one: one.reply(status, b"<html>Log in")))
        own = local(replace(config, server=portal.settings()), shared_dir, offline="known")
        door = Door(own, cast(Relay, relay), stack)
        know(door, obama)
        for heard in (1, 2):
            assert soon(lambda least=heard: len(portal.asked) >= least)  # type: ignore[misc]
            door.offer(now(obama))
            assert relay.pulses == heard


def test_a_visit_that_fails_ends_nothing(
    config: Config, obama: Visit, caplog: pytest.LogCaptureFixture
) -> None:
    relay = FakeRelay()
    with ExitStack() as stack:
        door = Door(config, cast(Relay, relay), stack)
        door.offer(cast(Visit, object()))
        assert "a visit was lost: AttributeError" in caplog.text
        door.offer(now(obama))
        assert soon(lambda: relay.pulses == 1)


@pytest.mark.parametrize("part", ["local_of", "sending", "signals_of", "active_in"])
def test_what_was_begun_ends_where_the_rest_cannot_be_made(
    part: str, config: Config, shared_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(threading.enumerate())

    def broken(*_given: object) -> None:
        raise OSError("it cannot be made")

    monkeypatch.setattr(f"edge.program.{part}", broken)
    with ExitStack() as stack, pytest.raises(OSError, match="cannot be made"):
        Door(local(config, shared_dir), None, stack)
    names = {one.name for one in threading.enumerate() if one not in before}
    assert not names & {"heartbeat", "sync", "signals", "mqtt"}


def test_a_queue_that_cannot_be_read_hides_no_order_to_open_nothing(
    config: Config, kenal: Kenal
) -> None:
    heard = list[bool]()
    with sending(config, lambda: None, lambda *_: None, heard.append) as connection:
        assert soon(lambda: heard[-1:] == [True])
        connection.outbox.close()
        kenal.is_active = False
        connection.beats.beat()
        assert heard[-1] is False


def test_after_a_registration_whoever_stands_there_is_looked_at_again(config: Config) -> None:
    with ExitStack() as stack:
        door = Door(config, None, stack)
        door.board.show(visit().frame, [Track(7, FACE, 1, 0.0)])
        door.registered()
        assert door._retakes.due() == [7]
