"""Another network comes into force: everybody is embedded anew, every answer is of one space."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from core.errors import ConflictError, NotReady, StorageFull
from core.types import Face, Matrix
from db import faces, spaces, switching, users
from db.space_feed import START, Held, span
from pipeline.commit import SpaceLeft
from pipeline.deletion import delete_user
from pipeline.images.decode import Pixels
from pipeline.recognizer import Question
from pipeline.spaces import removing
from pipeline.spaces.fill import Filled, Filler
from pipeline.spaces.overview import standing
from pipeline.spaces.presence import Presence, present
from pipeline.spaces.switch import Switch
from pipeline.terms import Terms
from tests.fakes import EMBEDDER, THRESHOLD, FakeEmbedder, fake_settings, nobody, portrait, spec
from tests.gallery_kit import GalleryKit
from tests.spaces_kit import FURTHER, FURTHER_SPEC, FurtherEmbedder, further_of
from tests.switch_kit import (
    check_counts,
    following,
    go_over,
    in_force,
    kept,
    now,
    two_networks_in,
    unheard,
    who,
)


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[GalleryKit]:
    with two_networks_in(tmp_path) as kit:
        for person, name in enumerate(("anna", "bert", "carl"), 1):
            kit.enroll(f"{name}.png", person)
        yield kit
        check_counts(kit)


def test_everybody_is_found_after_the_switch_and_after_the_way_back(kit: GalleryKit) -> None:
    assert who(kit, 2) == (EMBEDDER, "bert")
    go_over(kit.services)
    assert who(now(kit), 2) == (FURTHER, "bert")
    assert kit.services.engine().rule.threshold == FurtherEmbedder.default_threshold
    now(kit).check()
    assert kept(kit).previous == spec()
    go_over(kit.services, EMBEDDER)
    assert who(now(kit), 2) == (EMBEDDER, "bert")
    assert kit.services.engine().rule.threshold == THRESHOLD
    now(kit).check()


def go_over_unheard(kit: GalleryKit) -> None:
    """All of a switch, of which this process hears nothing."""
    going = Switch(kit.services, FURTHER)
    going.announce(None)
    going.fill(unheard)
    going.build_index(unheard)
    going.load_everywhere(30)
    going.flip()


def test_a_process_that_has_not_loaded_it_answers_wholly_as_before(kit: GalleryKit) -> None:
    go_over_unheard(kit)
    assert who(kit, 1) == (EMBEDDER, "anna")
    assert now(kit).engine.chosen.spec == FURTHER_SPEC


def test_an_engine_of_the_space_before_still_answers_and_enrolls_nobody(kit: GalleryKit) -> None:
    """Whoever began before the switch ends after it; a face in the old space nobody would find."""
    before = kit.engine
    go_over(kit.services)
    after = now(kit)
    assert after.engine is not before
    found = before.recognizer.recognize(portrait(1, 3), Question()).answers[0]
    assert found.profile is not None
    with pytest.raises(SpaceLeft):
        before.enrollment.enroll("dora", portrait(4))
    vector = before.converter.analyze(portrait(5)).vector
    with pytest.raises(SpaceLeft):
        before.embeddings.enroll("emil", vector, Terms())
    kit.put("fred.png", portrait(6))
    assert kit.convert("fred.png").status == "pending"
    assert standing(kit.services, FURTHER_SPEC).faces == 3
    for path in [path for path, status in kit.statuses().items() if status == "pending"]:
        assert after.convert(path).status == "enrolled"
    assert (who(after, 4), who(after, 6)) == ((FURTHER, "dora"), (FURTHER, "fred"))


def test_who_is_enrolled_after_the_switch_is_there_after_a_rollback(kit: GalleryKit) -> None:
    go_over(kit.services)
    now(kit).enroll("dora.png", 4)
    assert who(kit, 4) == (FURTHER, "dora")
    go_over(kit.services, EMBEDDER)
    assert who(now(kit), 4) == (EMBEDDER, "dora")
    now(kit).check()


def test_a_deleted_person_is_in_neither_space(kit: GalleryKit) -> None:
    go_over(kit.services)
    delete_user(kit.services.database, kit.drop, "bert")
    assert who(now(kit), 2) == (FURTHER, None)
    go_over(kit.services, EMBEDDER)
    assert who(now(kit), 2) == (EMBEDDER, None)
    with kit.services.database.read() as session:
        for space in (spec(), FURTHER_SPEC):
            assert faces.count(session, space) == 2


def test_whose_photo_gives_no_face_is_listed_and_kept(kit: GalleryKit) -> None:
    (kit.drop / "bert.png").write_bytes(nobody())
    going = Switch(kit.services, FURTHER)
    going.announce(None)
    going.fill(unheard)
    told = going.standing()
    assert (told.faces, told.embedded, told.waiting, told.lost) == (3, 2, 0, 1)
    assert told.codes == {"photo_changed": 1}
    with kit.services.database.read() as session:
        (one,) = spaces.lacking(session, FURTHER_SPEC)
        assert (one.user_id, one.code, one.alone) == ("bert", "photo_changed", True)
    going.build_index(unheard)
    going.load_everywhere(30)
    going.flip()
    assert who(now(kit), 2) == (FURTHER, None)
    now(kit).enroll("bert.png", 2, shade=5)
    assert who(kit, 2) == (FURTHER, "bert")
    with kit.services.database.read() as session:
        assert spaces.lacking(session, FURTHER_SPEC) == []


def test_the_last_ones_are_embedded_within_the_switch(kit: GalleryKit) -> None:
    going = Switch(kit.services, FURTHER)
    going.announce(None)
    going.fill(unheard)
    going.build_index(unheard)
    going.load_everywhere(30)
    kit.enroll("dora.png", 4)
    going.flip()
    assert who(now(kit), 4) == (FURTHER, "dora")


def test_nothing_is_switched_before_every_process_has_loaded_it(kit: GalleryKit) -> None:
    other = Presence(kit.services.settings.data_dir)
    other.say([spec().digest])
    going = Switch(kit.services, FURTHER)
    going.announce(None)
    going.fill(unheard)
    with pytest.raises(NotReady, match="1 of 1 processes"):
        going.load_everywhere(0.1)
    assert in_force(kit) == spec()
    assert not kept(kit).loading
    with pytest.raises(ConflictError):
        going.flip()
    other.say(sorted([spec().digest, FURTHER_SPEC.digest]))
    going.load_everywhere(0.1)
    other.end()
    assert present(kit.services.settings.data_dir) == []


def test_what_a_dead_process_left_is_waited_for_by_nobody(tmp_path: Path) -> None:
    alive, dead = Presence(tmp_path), Presence(tmp_path)
    alive.say(["a"])
    dead.say(["b"])
    dead._held.close()  # as the kernel does
    assert [one.loaded for one in present(tmp_path)] == [frozenset("a")]
    assert len(list((tmp_path / "serving").iterdir())) == 2
    alive.end()


def test_what_could_not_be_said_is_said_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that was full for a moment does not keep a switch waiting for ever."""
    said = Presence(tmp_path)
    said.say(["a"])

    def full(path: Path, data: bytes) -> None:
        raise StorageFull("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("pipeline.spaces.presence.write_atomic", full)
        with pytest.raises(StorageFull):
            said.say(["a", "b"])
    said.say(["a", "b"])
    assert [one.loaded for one in present(tmp_path)] == [frozenset("ab")]
    said.end()


def test_others_may_write_while_the_last_ones_are_looked_at(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two networks and a large photo take longer than a writer waits."""
    going = Switch(kit.services, FURTHER)
    going.announce(None)
    going.fill(unheard)
    going.load_everywhere(30)
    fill, could_write = Filler.fill, []
    newcomers = iter([("dora", 4), ("emil", 5)])

    def filled(filler: Filler) -> Filled:
        done = fill(filler)
        for name, person in islice(newcomers, 1):
            kit.enroll(f"{name}.png", person)
        return done

    def embed(own: FurtherEmbedder, rgb: Pixels, faces: Sequence[Face]) -> Matrix:
        could_write.append(_can_write(kit))
        return further_of(FakeEmbedder().embed(rgb, faces))

    monkeypatch.setattr(Filler, "fill", filled)
    monkeypatch.setattr(FurtherEmbedder, "embed", embed)
    going.flip()
    assert could_write == [True, True]
    assert (who(now(kit), 4), who(now(kit), 5)) == ((FURTHER, "dora"), (FURTHER, "emil"))


def _can_write(kit: GalleryKit) -> bool:
    path = kit.services.settings.data_dir / "kenal.sqlite3"
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
        return True


def test_a_second_choice_takes_the_place_of_the_first(kit: GalleryKit) -> None:
    going = Switch(kit.services, FURTHER)
    going.announce(None)
    with kit.services.database.write() as session:
        switching.cancel(session)
    with pytest.raises(ConflictError):
        going.load_everywhere(1)
    assert kept(kit).following is None


def test_a_threshold_of_the_settings_is_of_the_network_it_was_set_for(tmp_path: Path) -> None:
    settings = fake_settings(tmp_path, threshold=0.9)
    with two_networks_in(tmp_path, settings) as kit:
        kit.enroll("anna.png", 1)
        assert kit.engine.rule.threshold == 0.9
        going = Switch(kit.services, FURTHER)
        with pytest.raises(ConflictError, match=r"KENAL_THRESHOLD 0\.9 was set for colors"):
            going.announce(None)
        going.announce(0.5)
        go_over(kit.services)
        assert now(kit).engine.rule.threshold == 0.5
        go_over(kit.services, EMBEDDER)
        assert now(kit).engine.rule.threshold == 0.9


def test_a_removed_space_leaves_people_and_the_space_in_force_whole(kit: GalleryKit) -> None:
    (kit.drop / "carl.png").write_bytes(nobody())
    go_over(kit.services)
    with kit.services.database.read() as session:
        before = span(session, FURTHER_SPEC, after=START, born=0, limit=100).changes
    with pytest.raises(ConflictError):
        removing.remove(kit.services, FURTHER_SPEC)
    with following(kit.services):
        assert removing.remove(kit.services, spec()) == 1, "carl has no other embedding"
    with kit.services.database.read() as session:
        assert span(session, FURTHER_SPEC, after=START, born=0, limit=100).changes == before
        assert [one.embedding is None for one in before if isinstance(one, Held)].count(True) == 1
        assert {user.user_id for user in users.page(session, 0, 10)} == {"anna", "bert", "carl"}
    assert who(now(kit), 1) == (FURTHER, "anna")
    assert kit.services.engine().gallery.compare() is None
    assert kept(kit).previous is None
    assert not (kit.services.settings.data_dir / "index" / spec().digest).exists()
    go_over(kit.services, EMBEDDER)
    assert who(now(kit), 1) == (EMBEDDER, "anna")
    assert kit.services.engine().gallery.compare() is None


def test_what_a_process_still_answers_with_is_not_removed(kit: GalleryKit) -> None:
    kit.services.follow()
    go_over(kit.services)
    with pytest.raises(NotReady, match="nothing is removed"):
        removing.remove(kit.services, spec(), wait_seconds=0)
    with kit.services.database.read() as session:
        assert faces.count(session, spec()) == 3
    with following(kit.services):
        removing.remove(kit.services, spec())
    assert who(kit, 1) == (FURTHER, "anna")


def test_a_process_in_a_removed_space_answers_nothing(kit: GalleryKit) -> None:
    go_over_unheard(kit)
    removing.remove(kit.services, spec())
    with pytest.raises(NotReady):
        kit.services.engine()
    assert who(now(kit), 1) == (FURTHER, "anna")


def test_a_restart_takes_what_was_chosen_whatever_the_settings_say(tmp_path: Path) -> None:
    with two_networks_in(tmp_path) as kit:
        kit.enroll("anna.png", 1)
        go_over(kit.services)
    with two_networks_in(tmp_path) as kit:
        assert who(kit, 1) == (FURTHER, "anna")
        kit.check()
