"""What the live page is shown: at no face stands the name of somebody else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.board import Board, Kind, Label
from edge.detection import YuNet
from edge.gate import Rules
from edge.pipeline import Watcher
from edge.quality import Look, look
from edge.remote.names import Names
from edge.retakes import Retakes
from edge.standing import Standing
from edge.types import Face, Pixels, Visit
from edge.watching import Watching
from tests.edge.sights import face, frame, person
from tests.edge.test_detection import photo

ANN = Label(Kind.KNOWN, "Ann", 0.9)
BEN = Label(Kind.KNOWN, "Ben", 0.8)
RULES = Rules(least_sharpness=0.0)
STEP = 0.1


def looks_like(who: int, turned: float = 0.0) -> Look:
    """`turned`: 0 as ever, 1 like nobody."""
    made = (1 - turned) * person(who) + turned * person(15)
    return np.asarray(made / np.linalg.norm(made), np.float32)


class Doorway:
    """A watcher of faces made by hand, with the board that it writes to."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.at, self.faces, self.look = 0.0, [face()], looks_like(1)
        self.board, self.retakes, self.names = Board(), Retakes(2), Names()
        watcher = Watcher(self, rules, self._look)
        self.watching = Watching(watcher, self.retakes, self.board, self.names)
        self.named: Label | None = None
        self.broken = False

    def find(self, _image: Pixels) -> list[Face]:
        for one in self.faces:
            if self.named is not None:
                self.names.named(one.box, self.named)
        if self.broken:
            raise ValueError("a frame that cannot be looked at")
        return self.faces

    def _look(self, _image: Pixels, _face: Face) -> Look:
        return self.look

    def see(self, seconds: float, who: int | None = 1, turned: float = 0.0) -> list[Visit]:
        """Somebody, or nobody, stands there for so long; the visits."""
        visits: list[Visit] = []
        self.faces = [] if who is None else [face()]
        self.look = looks_like(who or 0, turned)
        for _ in range(round(seconds / STEP)):
            self.at += STEP
            visits += self.watching.feed(frame(self.at))
        return visits

    def labels(self) -> list[Label]:
        scene = self.board.scene()
        assert scene is not None
        return [scene.labels[one.id] for one in scene.tracks if one.id in scene.labels]


def known(doorway: Doorway) -> Visit:
    """Ann stands there, and her name."""
    (visit,) = doorway.see(2.0)
    doorway.board.label(visit.track_id, ANN)
    doorway.see(0.2)
    assert doorway.labels() == [ANN]
    return visit


@pytest.mark.parametrize("away_s", [0.0, 0.1, 0.2, 0.5, 0.8])
def test_who_steps_into_the_place_of_somebody_does_not_get_the_name(away_s: float) -> None:
    doorway = Doorway()
    visit = known(doorway)
    doorway.see(away_s, None)
    doorway.see(STEP, who=2)
    scene = doorway.board.scene()
    assert scene is not None
    assert [one.id for one in scene.tracks] == [visit.track_id], "the track goes on"
    assert doorway.labels() == []
    (second,) = doorway.see(7.0, who=2)
    doorway.board.label(second.track_id, BEN)
    doorway.see(STEP, who=2)
    assert doorway.labels() == [BEN]


def test_somebody_half_as_alike_is_asked_about_too_and_does_not_get_the_name() -> None:
    doorway = Doorway()
    known(doorway)
    # 0.6 like Ann: too much to be asked about for the look alone, and a jump all the same.
    doorway.look = np.asarray(0.6 * person(1) + 0.8 * person(2), np.float32)
    visits: list[Visit] = []
    for _ in range(70):
        doorway.at += STEP
        visits += doorway.watching.feed(frame(doorway.at))
        if not visits:
            assert doorway.labels() == []
    assert len(visits) == 1


def test_who_turns_slowly_keeps_the_name() -> None:
    doorway = Doorway(replace(RULES, cooldown_s=3600))
    known(doorway)
    for step in range(1, 11):
        doorway.see(STEP, turned=step / 10)
        assert doorway.labels() == [ANN]


def test_who_looks_as_before_has_the_name_again() -> None:
    doorway = Doorway()
    known(doorway)
    doorway.see(0.3, turned=1.0)
    assert doorway.labels() == []
    doorway.see(STEP)
    assert doorway.labels() == [ANN]


def test_a_label_for_a_picture_before_a_change_is_of_somebody_else() -> None:
    doorway = Doorway()
    (visit,) = doorway.see(2.0)
    doorway.see(STEP, who=2)
    doorway.board.label(visit.track_id, ANN)  # the answer takes its time
    doorway.see(STEP, who=2)
    assert doorway.labels() == []


def test_what_the_server_says_of_this_very_frame_stands_at_whoever_it_is() -> None:
    doorway = Doorway()
    known(doorway)
    doorway.named = BEN
    doorway.see(STEP, who=2)
    assert doorway.labels() == [BEN]


def test_names_of_a_frame_that_failed_are_of_no_other() -> None:
    doorway = Doorway()
    doorway.see(1.0)
    doorway.named, doorway.broken = ANN, True
    with pytest.raises(ValueError, match="cannot be looked at"):
        doorway.see(STEP)
    doorway.named, doorway.broken = None, False
    doorway.see(STEP)
    assert doorway.labels() == []


def test_whose_picture_did_not_do_is_let_through_once_more() -> None:
    doorway = Doorway()
    (visit,) = doorway.see(2.0)
    doorway.retakes.sent("a", visit.track_id)
    doorway.retakes.answered("a", "no_match")
    assert [one.track_id for one in doorway.see(2.0)] == [visit.track_id]


def test_who_was_registered_meanwhile_is_let_through_once_more() -> None:
    doorway = Doorway()
    (visit,) = doorway.see(2.0)
    doorway.retakes.again([visit.track_id])
    assert len(doorway.see(2.0)) == 1
    assert doorway.see(2.0) == []


def test_who_stepped_in_since_the_picture_was_taken_is_somebody_else() -> None:
    standing = Standing()
    standing.seen(1, person(1), 0.0)
    standing.seen(1, person(2), 0.1)
    standing.passed(1, person(1), 0.0)
    assert standing.is_other(1)
    standing.passed(1, person(2), 0.1)
    assert not standing.is_other(1)


def test_memory_of_who_stood_there_is_bounded() -> None:
    standing = Standing()
    for number in range(1000):
        standing.seen(number, person(1), float(number))
        standing.forget(float(number))
    standing.seen(0, person(2), 1000.0)
    assert not standing.is_other(0), "nothing is known of it any more"


def test_two_real_people_in_one_place_are_two(shared_dir: Path) -> None:
    yunet = YuNet(shared_dir / "models" / "yunet_n_640.onnx")
    one = looks(yunet, shared_dir / "faces/gallery/train/obama/obama.jpg")
    other = looks(yunet, shared_dir / "faces/gallery/train/biden/biden.jpg")
    standing = Standing()
    for step in range(5):
        standing.seen(1, one, step * STEP)
    standing.passed(1, one, 0.4)
    standing.seen(1, other, 0.5)
    assert standing.others([1, 2]) == {1}


def looks(yunet: YuNet, place: Path) -> Look:
    image = photo(place)
    return look(image, max(yunet.find(image), key=lambda one: one.box[2]))
