"""Faces that the server finds: the newest frame, an answer in time or none, and only a true one."""

import itertools
import math
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from edge.agent import Agent
from edge.board import Board, Kind, Label
from edge.pipeline import Watcher
from edge.remote.detector import RemoteDetector
from edge.remote.names import Names
from edge.sections import ServerSettings
from edge.types import Face, Frame, Track, Visit
from tests.edge.agent_kit import FACE, Clock
from tests.edge.bad_server import BadServer, Handler, Misbehave, bad_server
from tests.edge.certificate import make_certificate
from tests.edge.remote_kit import ADA, STRANGER, Asking, asked, asking, picture, pixels, see
from tests.edge.test_client import BAD, hang, trickle
from tests.fakes import portrait
from tests.served_kit import served

KNOWN = Label(Kind.KNOWN, "Ada Lovelace", 0.87)


@contextmanager
def answered(answer: Misbehave) -> Iterator[tuple[BadServer, Asking]]:
    with bad_server(answer) as server, asking(server.settings()) as own:
        yield server, own


def test_faces_come_in_pixels_of_the_picture_and_with_names() -> None:
    with answered(lambda own: see(own, ADA, STRANGER)) as (server, own):
        found = own.detector.find(picture(1280, 960))
    (body,) = server.bodies
    assert pixels(body).shape == (480, 640, 3)
    stranger, ada = found
    assert (ada.box, ada.landmarks[2]) == ((20, 40, 80, 100), (60, 80))
    assert (stranger.box, stranger.confidence) == ((200, 40, 60, 80), 0.95)
    assert dict(own.named) == {
        ada.box: KNOWN,
        stranger.box: Label(Kind.UNKNOWN, "no_match", 0.2),
    }
    assert own.detector.status() == "ok"


def test_what_is_asked() -> None:
    said: list[dict[str, str]] = []

    def note(own: Handler) -> None:
        said.append(asked(own))
        see(own)

    with bad_server(note) as server, asking(server.settings()) as own:
        for _ in range(2):
            assert own.detector.find(picture(320, 240)) == []
    assert [one["frame"] for one in said] == ["1", "2"]
    assert {one["device_id"] for one in said} == {"door-1"}
    assert all(one["captured_at"].endswith("Z") for one in said)
    assert {headers["X-API-Key"] for headers in server.headers} == {"knl_x_y"}
    assert pixels(server.bodies[0]).shape == (240, 320, 3), "a small one is not made larger"


def test_who_has_no_name_is_called_by_the_id() -> None:
    with answered(lambda own: see(own, {**ADA, "name": None})) as (_, own):
        own.detector.find(picture())
    assert own.named[0][1].text == "1042"


def test_a_slow_server_sees_fewer_frames_and_always_the_newest() -> None:
    """The camera takes ten frames while the server looks at one: nine of them are dropped."""
    camera, seen = RunningCamera(), list[int]()

    def slow(own: Handler) -> None:
        seen.append(round(float(pixels(own.server.bodies[-1]).mean())))
        camera.number += 10
        see(own, ADA)

    with bad_server(slow) as server, asking(server.settings()) as own:
        watcher = Finding(own.detector)
        agent = Agent(camera, watcher, lambda _: None, lambda: None, camera.clock)
        for _ in range(5):
            agent.step()
    assert seen == [1, 11, 21, 31, 41]
    assert watcher.frames == seen, "and its faces are those of the very frame that was sent"


class RunningCamera:
    """Goes on whether anybody looks or not, and shows its newest frame."""

    def __init__(self) -> None:
        self.number, self.clock = 1, Clock()

    def open(self) -> None: ...

    def read(self) -> Frame | None:
        image = picture(gray=self.number)
        return Frame(image, self.number, 0.0, self.clock())

    def close(self) -> None: ...

    def status(self) -> str:
        return "ok"


class Finding:
    """Looks for faces in every frame it is fed."""

    def __init__(self, detector: RemoteDetector) -> None:
        self._detector, self.frames = detector, list[int]()

    def feed(self, frame: Frame) -> list[Visit]:
        assert len(self._detector.find(frame.image)) == 1
        self.frames.append(frame.number)
        return []


def trickle_a_head(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not handler.server.stopped.wait(0.05):
        handler.wfile.write(b"X-A: b\r\n")


@pytest.mark.parametrize("never", [hang, trickle, trickle_a_head])
def test_an_answer_that_does_not_come_is_not_waited_for(never: Misbehave) -> None:
    turns = itertools.count()

    def first_never(own: Handler) -> None:
        if next(turns) == 0:
            never(own)
        else:
            see(own, ADA)

    with bad_server(first_never) as server:
        with asking(server.settings(), seconds=0.3) as own:
            assert own.detector.find(picture()) == []
            assert own.detector.status() == "the server did not answer in time"
        with asking(server.settings(), seconds=20.0) as own:  # busy machines too
            assert len(own.detector.find(picture())) == 1


def test_after_an_answer_that_did_not_come_the_next_is_not_taken_for_it() -> None:
    """The late answer goes to a connection that is closed; on the next only a new one comes."""
    late = threading.Event()

    def hold_the_first(own: Handler) -> None:
        if asked(own)["frame"] == "1":
            late.wait(30)
            see(own, STRANGER)
        else:
            late.set()
            see(own, ADA)

    with bad_server(hold_the_first) as server, asking(server.settings(), 0.5) as own:
        assert own.detector.find(picture()) == []
        found: list[Face] = []
        while not found:  # the machine may be slow: a frame more or less
            own.clock.now += 60
            found = own.detector.find(picture())
    assert [label for _, label in own.named] == [KNOWN]


def garbage(**more: object) -> Misbehave:
    return lambda own: see(own, ADA, **more)


def with_face(**more: object) -> Misbehave:
    return lambda own: see(own, ADA, {**ADA, **more})


UNTRUE: dict[str, Misbehave] = {
    "another request": garbage(request_id="another"),
    "another frame": garbage(frame=7),
    "true is no frame": garbage(frame="1"),
    "no faces": garbage(faces=None),
    "faces that are none": garbage(faces=[1]),
    "a crowd": garbage(faces=[ADA] * 51),
    "no number": with_face(box={**ADA["box"], "x": math.nan}),
    "no end": with_face(box={**ADA["box"], "width": math.inf}),
    "a truth value": with_face(box={**ADA["box"], "width": True}),
    "a text": with_face(box={**ADA["box"], "width": "40"}),
    "no width": with_face(box={**ADA["box"], "width": 0}),
    "inside out": with_face(box={**ADA["box"], "height": -4}),
    "a million": with_face(box={**ADA["box"], "x": 10**400}),
    "half a point": with_face(landmarks={**ADA["landmarks"], "nose": [1]}),
    "no nose": with_face(landmarks={"left_eye": [1, 2]}),
    "too sure": with_face(confidence=2),
    "a decision of its own": with_face(decision="perhaps"),
    "a decision that is none": with_face(decision=["match"]),
    "a match of nobody": with_face(user_id=None),
    "a name that is none": with_face(name={"a": 1}),
}


@pytest.mark.parametrize(
    "name", [*UNTRUE, *(name for name in BAD if BAD[name] not in (hang, trickle))]
)
def test_only_a_true_answer_counts(name: str) -> None:
    with bad_server({**BAD, **UNTRUE}[name]) as server, asking(server.settings()) as own:
        assert own.detector.find(picture()) == []
    assert own.named == [], "not a part of it either"
    assert own.detector.status() not in ("ok", "nothing was asked yet")


def test_a_name_without_a_match_is_not_shown() -> None:
    with answered(lambda own: see(own, {**ADA, "decision": "ambiguous"})) as (_, own):
        own.detector.find(picture())
    assert own.named[0][1] == Label(Kind.UNKNOWN, "ambiguous", 0.87)


@pytest.mark.parametrize("status", [301, 307])
def test_redirects_are_never_followed(status: int) -> None:
    with bad_server(lambda own: see(own, ADA)) as elsewhere:
        headers = {"Location": f"{elsewhere.url}/stream/frames?frame=1"}
        with answered(lambda own: own.reply(status, b"", headers)) as (_, own):
            assert own.detector.find(picture()) == []
    assert elsewhere.asked == []


def times_asked(answer: Callable[[Handler], None], finds: int, moved: float) -> tuple[int, str]:
    """How often the server is asked for so many frames, `moved` seconds apart."""
    with bad_server(answer) as server, asking(server.settings()) as own:
        for _ in range(finds):
            own.detector.find(picture())
            own.clock.now += moved
    return len(server.asked), own.detector.status()


def test_a_server_that_fails_is_left_alone_more_and_more() -> None:
    fails: Misbehave = lambda own: own.error(500, "internal")  # noqa: E731
    assert times_asked(fails, 2, 0.0)[0] == 2, "twice may be chance"
    assert times_asked(fails, 100, 0.0) == (3, "internal")
    assert times_asked(fails, 100, 0.1)[0] < 10
    assert times_asked(fails, 5, 11.0)[0] == 5, "but never for longer than ten seconds"


def test_a_server_that_is_away_is_asked_again_when_it_is_back() -> None:
    with bad_server(lambda own: see(own, ADA)) as server:
        settings = server.settings()
    with asking(settings) as own:
        for _ in range(5):
            assert own.detector.find(picture()) == []
        assert own.detector.status() == "the server cannot be reached"


def test_a_server_that_says_when_is_heeded() -> None:
    full: Misbehave = lambda own: own.error(503, "busy", Retry_After="3")  # noqa: E731
    assert times_asked(full, 4, 1.0) == (2, "busy")
    forever: Misbehave = lambda own: own.error(503, "busy", Retry_After="3600")  # noqa: E731
    assert times_asked(forever, 2, 10.1)[0] == 2


def test_a_key_that_is_refused_is_not_tried_with_every_frame() -> None:
    refused: Misbehave = lambda own: own.error(401, "unauthorized")  # noqa: E731
    assert times_asked(refused, 6, 10.1) == (1, "unauthorized")


def test_a_wrong_clock_is_said() -> None:
    _, status = times_asked(lambda own: own.error(422, "not_fresh"), 1, 0.0)
    assert "clock" in status


def test_certificates_are_verified(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    with bad_server(lambda own: see(own, ADA)) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        url = server.url.replace("http:", "https:")
        with asking(ServerSettings(url=url, device_id="door-1")) as own:
            assert own.detector.find(picture()) == []
            assert own.detector.status() == "the server's certificate cannot be trusted"
        assert server.asked == []
        trusting = ServerSettings(url=url, device_id="door-1", ca_file=certificate)
        with asking(trusting) as own:
            assert len(own.detector.find(picture())) == 1


def test_names_are_told_by_the_number_of_the_track() -> None:
    names, board = Names(), Board()
    names.named(FACE.box, KNOWN)
    other = Face((9, 9, 3, 4), FACE.landmarks, 0.9)
    tracks = [Track(7, other, 1, 0.0), Track(8, FACE, 1, 0.0)]
    frame = Frame(picture(), 1, 0.0, 0.0)
    names.tell(tracks, board.label)
    board.show(frame, tracks)
    scene = board.scene()
    assert scene is not None
    assert dict(scene.labels) == {8: KNOWN}
    said: list[int] = []
    names.tell(tracks, lambda number, _: said.append(number))
    assert said == [], "once: the next frame has faces of its own"


def test_a_real_server_finds_and_names_for_the_tracker(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        enrolled = httpx.post(
            f"{server.url}/users/1042/photos",
            content=portrait(5),
            headers={"Content-Type": "image/png"},
        )
        assert enrolled.status_code == 201, enrolled.text
        httpx.patch(f"{server.url}/users/1042", json={"name": "Ada Lovelace"}).raise_for_status()
        names, board = Names(), Board()
        settings = ServerSettings(url=server.url, device_id="door-1")
        detector = RemoteDetector(settings, names.named, seconds=30.0)
        with closing(detector):
            watcher = Watcher(detector)
            image = scene_of(portrait(5, 4))
            for number in range(100):  # a slow machine drops some
                watcher.feed(Frame(image, number, 0.0, number / 10))
                names.tell(watcher.tracks, board.label)
                board.show(Frame(image, number, 0.0, number / 10), watcher.tracks)
                if [track.frames for track in watcher.tracks] == [3]:
                    break
        assert detector.status() == "ok"
        recorded = httpx.get(f"{server.url}/checkins").json()["checkins"]
    (track,) = watcher.tracks
    assert track.frames == 3
    left, _, width, height = track.face.box
    assert (round(left), round(width), round(height)) == (0, 960, 1280)
    scene = board.scene()
    assert scene is not None
    label = scene.labels[track.id]
    assert (label.kind, label.text) == (Kind.KNOWN, "Ada Lovelace")
    assert label.similarity is not None
    assert label.similarity > 0.9
    assert recorded == []


def scene_of(png: bytes) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """The picture as a camera sees it, eight times as large."""
    return np.repeat(np.repeat(pixels(png), 8, axis=0), 8, axis=1)
