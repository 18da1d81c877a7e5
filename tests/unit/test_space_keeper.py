"""The watcher keeps the spaces of device networks filled, and gives way to everything else."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from core.errors import ModelUnavailable
from db import switching
from db.spaces import Source
from pipeline.spaces.keeper import _LOOK_SECONDS, SpaceKeeper, keeping
from pipeline.spaces.look import Looked, Looker
from pipeline.spaces.switch import Switch
from pipeline.spaces.taking_turns import in_the_foreground
from tests.gallery_kit import GalleryKit
from tests.spaces_kit import FURTHER, FURTHER_SPEC, codes_of, spaces_in
from tests.switch_kit import go_over, now, two_networks_in, unheard, who

PATIENCE_SECONDS = 30


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[GalleryKit]:
    with spaces_in(tmp_path) as kit:
        kit.enroll("anna.png", 1)
        yield kit


def eventually(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "spaces"]


def filled(kit: GalleryKit) -> list[str]:
    return [user_id for user_id, code in codes_of(kit.services.database).items() if code is None]


def test_who_is_there_and_who_comes_later_is_embedded(kit: GalleryKit) -> None:
    prepared: list[str] = []
    with keeping(kit.services, kit.engine, prepared.append):
        eventually(lambda: filled(kit) == ["anna"])
        kit.enroll("bert.png", 2)
        eventually(lambda: filled(kit) == ["anna", "bert"])
    assert prepared == [FURTHER]
    assert threads() == []


def test_a_network_that_cannot_be_had_ends_nothing(
    kit: GalleryKit, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(name: str) -> None:
        raise ModelUnavailable(f"the weights of {name} are not there")

    with keeping(kit.services, kit.engine, fails):
        eventually(lambda: "network hues: its space cannot be filled yet" in caplog.text)
        assert threads() == ["spaces"]
    assert filled(kit) == []
    assert caplog.text.count("cannot be filled yet") == 1, "not again at once"


def test_a_bug_is_logged_without_what_it_says(
    kit: GalleryKit, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(name: str) -> None:
        raise RuntimeError(f"/secret/{name}")

    with keeping(kit.services, kit.engine, fails):
        eventually(lambda: "cannot be filled yet" in caplog.text)
    assert "/secret" not in caplog.text


@pytest.mark.parametrize("names", ["", " , ", "colors"])
def test_the_gallerys_own_network_needs_no_keeping(kit: GalleryKit, names: str) -> None:
    settings = kit.services.settings.model_copy(update={"device_networks": names})
    kit.services.settings = settings
    assert SpaceKeeper(kit.services, kit.engine, lambda _: None).wanted() == []


def test_what_is_to_be_in_force_is_kept_filled(kit: GalleryKit) -> None:
    kit.services.settings = kit.services.settings.model_copy(update={"device_networks": ""})
    with kit.services.database.write() as session:
        switching.announce(session, FURTHER_SPEC, None)
    with keeping(kit.services, kit.engine, lambda _: None):
        eventually(lambda: filled(kit) == ["anna"])


def test_names_come_with_commas_each_once(kit: GalleryKit) -> None:
    said = {"device_networks": " a,b ,, a"}
    assert kit.services.settings.model_copy(update=said).device_network_names == ("a", "b")


def test_who_is_there_again_after_a_switch_is_embedded(tmp_path: Path) -> None:
    """The space in force is filled too: from what the network of before knows."""
    with two_networks_in(tmp_path) as kit:
        for person, name in enumerate(("anna", "bert"), 1):
            kit.enroll(f"{name}.png", person)
        (kit.drop / "bert.png").rename(kit.drop / ".away")
        kit.scan_and_convert()
        go_over(kit.services)
        assert who(now(kit), 2) == (FURTHER, None)
        (kit.drop / ".away").rename(kit.drop / "bert.png")
        kit.scan_and_convert()
        with kit.services.database.write() as session:
            session.execute(text("UPDATE embeddings SET created_at = '2020-01-01 00:00:00.000000'"))
        assert SpaceKeeper(kit.services, kit.engine, lambda _: None).wanted() == [FURTHER]
        with keeping(kit.services, now(kit).engine, lambda _: None):
            eventually(lambda: who(kit, 2) == (FURTHER, "bert"))


def test_a_kept_space_is_not_filled_with_another_network_of_its_name(
    kit: GalleryKit, caplog: pytest.LogCaptureFixture
) -> None:
    """As where the files of a manifest were changed."""
    other = replace(FURTHER_SPEC, weights_sha256="2" * 64)
    with kit.services.database.write() as session:
        switching.announce(session, other, None)
    with keeping(kit.services, kit.engine, lambda _: None):
        eventually(lambda: "cannot be filled yet" in caplog.text)
    assert "changed are weights_sha256" in caplog.text
    assert filled(kit) == []


def test_the_watcher_leaves_a_space_alone_that_somebody_waits_for(kit: GalleryKit) -> None:
    with keeping(kit.services, kit.engine, lambda _: None):
        eventually(lambda: filled(kit) == ["anna"])
        with in_the_foreground(kit.services.settings, FURTHER):
            kit.enroll("bert.png", 2)
            time.sleep(3 * _LOOK_SECONDS)
            assert filled(kit) == ["anna"]
        eventually(lambda: filled(kit) == ["anna", "bert"])


def test_a_command_takes_over_from_a_watcher_that_is_at_it(
    kit: GalleryKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One at the lowest priority may take hours on a machine that never rests."""
    for person in range(2, 60):
        kit.enroll(f"p{person}.png", person)
    began, by_watcher, look = threading.Event(), list[int](), Looker.look

    def slow_for_the_watcher(looker: Looker, source: Source) -> Looked | None:
        if threading.current_thread().name == "spaces":
            by_watcher.append(source.face_id)
            began.set()
            time.sleep(0.2)
        return look(looker, source)

    monkeypatch.setattr(Looker, "look", slow_for_the_watcher)
    going = Switch(kit.services, FURTHER)
    with keeping(kit.services, kit.engine, lambda _: None):
        assert began.wait(PATIENCE_SECONDS)
        going.fill(unheard)
        assert len(filled(kit)) == 59
    assert len(by_watcher) == len(set(by_watcher)) < 50
    kit.check()
