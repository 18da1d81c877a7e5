"""Filling a further space: everybody who can be, never with somebody else's face."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from core.errors import ModelUnavailable
from core.types import FaceAdded
from db import changes, faces, users
from pipeline.analyzer import Analyzer, LeastFace
from pipeline.deletion import delete_user
from tests.fakes import FakeDetector, FakeEmbedder, fake_look, group, nobody, portrait, spec
from tests.gallery_kit import GalleryKit
from tests.spaces_kit import codes_of, filler, further_of, spaces_in, truth, vector

NOW = timedelta(0)


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[GalleryKit]:
    with spaces_in(tmp_path) as kit:
        for person, name in enumerate(("anna", "bert", "carl"), start=1):
            kit.enroll(f"{name}.png", person)
        yield kit


def sql(kit: GalleryKit, statement: str) -> None:
    with kit.services.database.write() as session:
        session.execute(text(statement))


def codes(kit: GalleryKit) -> dict[str, str | None]:
    return codes_of(kit.services.database)


def test_every_face_is_embedded_once(kit: GalleryKit) -> None:
    filled = filler(kit).fill()
    assert (filled.embedded, dict(filled.without), filled.waiting) == (3, {}, 0)
    with kit.services.database.read() as session:
        own = changes.changes_since(session, spec(), 0, 100).changes
    held = truth(kit.services.database, further=True)
    for change in own:
        assert isinstance(change, FaceAdded)
        wanted = further_of(change.vector[None, :])[0]
        assert np.allclose(vector(held[change.face_id][2]), wanted)
    assert filler(kit).fill().done == 0
    kit.enroll("dora.png", 4)
    assert filler(kit).fill().embedded == 1
    kit.check()


def test_by_many_threads_as_by_one(kit: GalleryKit) -> None:
    for person in range(4, 40):
        kit.enroll(f"p{person}.png", person)
    (kit.drop / "bert.png").write_bytes(nobody())
    heard: list[int] = []
    filled = filler(kit, threads=4).fill(heard=lambda now: heard.append(now.done))
    assert (filled.embedded, dict(filled.without)) == (38, {"photo_changed": 1})
    assert filled.is_whole
    assert heard == [8, 16, 24, 32, 39]
    assert [name for name, code in codes(kit).items() if code] == ["bert"]
    kit.check()


@pytest.mark.parametrize("threads", [1, 4])
def test_who_is_told_to_stop_keeps_what_was_done(kit: GalleryKit, threads: int) -> None:
    for person in range(4, 40):
        kit.enroll(f"p{person}.png", person)
    asked = iter([True] * 20)
    filled = filler(kit, threads=threads).fill(lambda: next(asked, False))
    assert not filled.is_whole
    assert 8 <= filled.embedded <= 20
    assert filled.embedded == list(codes(kit).values()).count(None)
    assert filler(kit, threads=threads).fill().embedded == 39 - filled.embedded


def as_embedding(kit: GalleryKit) -> None:
    with kit.services.database.write() as session:
        person = users.create(session, "anja")
        faces.add(session, person, spec(), np.ones(64, np.float32), {"source": "embedding"})
    delete_user(kit.services.database, kit.drop, "anna")


def overwritten(kit: GalleryKit) -> None:
    kit.put("anna.png", portrait(1, 7))


def refused_later(kit: GalleryKit) -> None:
    kit.put("anna.png", nobody())
    assert kit.convert("anna.png").code == "no_face"


def taken_away(kit: GalleryKit) -> None:
    (kit.drop / "anna.png").unlink()
    kit.scan_and_convert()


def anothers(kit: GalleryKit) -> None:
    """As if the gallery had been damaged: the photo is Anna's, the enrolled face is Bert's."""
    sql(kit, "UPDATE faces SET embedding = (SELECT embedding FROM faces WHERE id = 2) WHERE id = 1")


def damaged(kit: GalleryKit) -> None:
    sql(kit, "UPDATE faces SET embedding = zeroblob(256) WHERE id = 1")


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (as_embedding, "no_photo"),
        (overwritten, "photo_changed"),
        (refused_later, "photo_changed"),
        (taken_away, "vanished"),
        (anothers, "another_face"),
        (damaged, "model_error"),
    ],
)
def test_who_cannot_be_embedded_is_listed(
    kit: GalleryKit, happens: Callable[[GalleryKit], None], code: str
) -> None:
    happens(kit)
    filled = filler(kit).fill()
    assert (filled.embedded, dict(filled.without)) == (2, {code: 1})
    assert sorted(map(str, codes(kit).values())) == sorted(["None", "None", code])
    assert filler(kit).fill().done == 0, "it is not looked at again and again"


def test_a_photo_whose_face_is_no_use_any_more_is_listed(kit: GalleryKit) -> None:
    strict = Analyzer(FakeDetector(), FakeEmbedder(), LeastFace(1000), fake_look)
    assert dict(filler(kit, own=strict).fill().without) == {"face_too_small": 3}


def test_the_same_bytes_under_another_name_will_do(kit: GalleryKit) -> None:
    kit.put("anna/second.png", (kit.drop / "anna.png").read_bytes())
    kit.convert("anna/second.png")
    taken_away(kit)
    assert filler(kit).fill().embedded == 3


def test_whether_a_photo_is_gone_a_scan_says(kit: GalleryKit) -> None:
    """The folder may be a share that is away for a moment."""
    (kit.drop / "anna.png").unlink()
    filled = filler(kit).fill()
    assert (filled.embedded, filled.waiting, codes(kit).get("anna", "none")) == (2, 1, "none")
    kit.put("anna.png", portrait(1))
    assert filler(kit).fill().embedded == 1


def test_a_photo_that_is_there_again_is_looked_at_again(kit: GalleryKit) -> None:
    taken_away(kit)
    assert filler(kit).fill().without["vanished"] == 1
    kit.put("anna.png", portrait(1))
    kit.scan_and_convert()
    assert filler(kit).fill().done == 0, "not at once"
    assert filler(kit, again_after=NOW).fill().embedded == 1
    assert codes(kit)["anna"] is None


def test_the_same_reason_again_is_no_change(kit: GalleryKit) -> None:
    overwritten(kit)
    filler(kit).fill()
    before = seqs(kit)
    assert filler(kit, again_after=NOW).fill().without["photo_changed"] == 1
    assert seqs(kit) == before


def seqs(kit: GalleryKit) -> list[int]:
    with kit.services.database.read() as session:
        found = session.execute(text("SELECT seq FROM embeddings ORDER BY id")).scalars()
        return list(found)


def test_a_removed_face_takes_its_embedding_along(kit: GalleryKit) -> None:
    filler(kit).fill()
    delete_user(kit.services.database, kit.drop, "bert")
    assert sorted(codes(kit)) == ["anna", "carl"]
    assert len(seqs(kit)) == 2
    kit.check()


class Removing(FakeEmbedder):
    """Somebody is deleted just while their face is looked at."""

    def __init__(self, kit: GalleryKit) -> None:
        super().__init__()
        self._kit: GalleryKit | None = kit

    def embed(self, *given: object) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        kit, self._kit = self._kit, None
        if kit is not None:
            delete_user(kit.services.database, kit.drop, "anna")
        return super().embed(*given)  # type: ignore[arg-type]


def test_who_is_deleted_meanwhile_stays_deleted(kit: GalleryKit) -> None:
    own = Analyzer(FakeDetector(), Removing(kit), LeastFace(20), fake_look)
    assert filler(kit, own=own).fill().embedded == 2
    assert sorted(codes(kit)) == ["bert", "carl"]


def test_one_photos_trouble_is_not_the_others(kit: GalleryKit) -> None:
    class Failing(FakeDetector):
        def detect(self, *given: object) -> list[object]:  # type: ignore[override]
            found = super().detect(*given)  # type: ignore[arg-type]
            if self.asked == 0:
                self.asked += 1
                raise RuntimeError("/secret/path")
            return list(found)

        asked = 0

    own = Analyzer(Failing(), FakeEmbedder(), LeastFace(20), fake_look)  # type: ignore[arg-type]
    filled = filler(kit, own=own).fill()
    assert (filled.embedded, dict(filled.without)) == (2, {"internal": 1})
    assert filler(kit, again_after=NOW).fill().embedded == 1, "it may have been of the moment"


def test_a_network_that_is_not_there_is_nobodys_fault(kit: GalleryKit) -> None:
    class Missing(FakeEmbedder):
        def embed(self, *given: object) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
            raise ModelUnavailable("the weights are not there")

    further = Analyzer(FakeDetector(), Missing(), LeastFace(20), fake_look)
    with pytest.raises(ModelUnavailable):
        filler(kit, further=further).fill()
    assert codes(kit) == {}


def test_it_ends_when_it_is_told(kit: GalleryKit) -> None:
    answers = iter([True, False, False])
    assert filler(kit).fill(lambda: next(answers)).embedded == 1
    assert filler(kit).fill().embedded == 2


def test_two_faces_are_taken_as_enrollment_takes_them(kit: GalleryKit) -> None:
    kit.put("dora.png", group([4, 5], [60, 60]))
    assert kit.convert("dora.png").code == "multiple_faces"
    assert filler(kit).fill().embedded == 3


def test_a_link_in_a_photos_place_is_not_followed(kit: GalleryKit) -> None:
    (kit.drop / "anna.png").rename(kit.drop / ".elsewhere")
    (kit.drop / "anna.png").symlink_to(kit.drop / ".elsewhere")
    assert dict(filler(kit).fill().without) == {"photo_changed": 1}
