"""A device that was switched off, or whose key is refused, stays so whatever happens to it."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge.active import active_in, key_in
from edge.sections import ServerSettings
from edge.settings_fields import Secret


def test_a_new_device_may_open(tmp_path: Path) -> None:
    assert active_in(tmp_path / "new")


def test_a_restart_forgets_no_no(tmp_path: Path) -> None:
    active_in(tmp_path).heard(False)
    again = active_in(tmp_path)
    assert not again
    again.heard(True)
    assert again
    assert active_in(tmp_path)


def test_a_no_holds_on_a_full_disk_and_is_kept_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    active, touch = active_in(tmp_path), Path.touch

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path))

    monkeypatch.setattr(Path, "touch", full)
    active.heard(False)
    assert not active
    assert active_in(tmp_path), "nothing could be kept"
    monkeypatch.setattr(Path, "touch", touch)
    active.heard(False)
    assert not active_in(tmp_path)
    assert str(tmp_path) not in caplog.text


def test_a_yes_that_cannot_be_kept_is_kept_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    active, unlink = active_in(tmp_path), Path.unlink
    active.heard(False)

    def broken(*_args: object, **_kwargs: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "unlink", broken)
    active.heard(True)
    assert active
    monkeypatch.setattr(Path, "unlink", unlink)
    assert not active_in(tmp_path), "a restart is on the safe side"
    active.heard(True)
    assert active_in(tmp_path)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="exists"):
        active_in(tmp_path / "file")


OWN = ServerSettings("http://localhost:9", Secret("knl_cfn3kydosdbp_abc"), "door-1")


def test_a_restart_forgets_no_refused_key(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert key_in(tmp_path, OWN)
    assert not caplog.text
    key_in(tmp_path, OWN).heard(False, 1.0)
    assert caplog.text.count("nothing opens: the server refused server.key") == 1
    again = key_in(tmp_path, OWN)
    assert not again
    assert caplog.text.count("nothing opens: the server refused server.key") == 2
    again.heard(True, 1.0)
    assert again
    assert key_in(tmp_path, OWN)


@pytest.mark.parametrize(
    "other",
    [replace(OWN, key=Secret("knl_nq5w2r7xkc3d_abc")), replace(OWN, device_id="door-2")],
)
def test_a_refusal_is_of_this_very_key(tmp_path: Path, other: ServerSettings) -> None:
    key_in(tmp_path, OWN).heard(False, 1.0)
    fresh = key_in(tmp_path, other)
    assert fresh, "else a fresh key would open nothing while the server is away"
    fresh.heard(True, 1.0)
    assert not key_in(tmp_path, OWN), "nor does the fresh one make the old one good"
    fresh.heard(False, 2.0)
    assert not key_in(tmp_path, other)


def test_the_disk_does_not_tell_the_key(tmp_path: Path) -> None:
    key_in(tmp_path, OWN).heard(False, 1.0)
    (place,) = tmp_path.iterdir()
    assert place.read_bytes() == b""
    assert not any(part in place.name for part in OWN.key.text.split("_"))


@pytest.mark.parametrize("rubbish", [b"", b"no", bytes(range(256))])
def test_whatever_stands_in_the_file_it_is_a_no(tmp_path: Path, rubbish: bytes) -> None:
    key_in(tmp_path, OWN).heard(False, 1.0)
    (place,) = tmp_path.iterdir()
    place.write_bytes(rubbish)
    again = key_in(tmp_path, OWN)
    assert not again
    again.heard(True, 1.0)
    assert key_in(tmp_path, OWN)


@pytest.mark.parametrize("newest", [True, False])
def test_an_answer_to_an_earlier_question_changes_nothing(tmp_path: Path, newest: bool) -> None:
    key = key_in(tmp_path, OWN)
    key.heard(newest, 5.0)
    key.heard(not newest, 4.9)
    assert bool(key) is newest
    assert bool(key_in(tmp_path, OWN)) is newest
    key.heard(not newest, 5.1)
    assert bool(key) is not newest


def test_a_server_that_changes_its_mind_is_believed_each_time(tmp_path: Path) -> None:
    key = key_in(tmp_path, OWN)
    for moment in range(20):
        key.heard(moment % 2 == 0, float(moment))
        assert bool(key) is bool(key_in(tmp_path, OWN)) is (moment % 2 == 0)
