"""A device that was switched off stays so, whatever happens to it."""

from pathlib import Path

import pytest

from edge.active import Active


def test_a_new_device_may_open(tmp_path: Path) -> None:
    assert Active(tmp_path / "new")


def test_a_restart_forgets_no_no(tmp_path: Path) -> None:
    Active(tmp_path).heard(False)
    again = Active(tmp_path)
    assert not again
    again.heard(True)
    assert again
    assert Active(tmp_path)


def test_a_no_holds_on_a_full_disk_and_is_kept_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    active, touch = Active(tmp_path), Path.touch

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path))

    monkeypatch.setattr(Path, "touch", full)
    active.heard(False)
    assert not active
    assert Active(tmp_path), "nothing could be kept"
    monkeypatch.setattr(Path, "touch", touch)
    active.heard(False)
    assert not Active(tmp_path)
    assert str(tmp_path) not in caplog.text


def test_a_yes_that_cannot_be_kept_is_kept_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    active, unlink = Active(tmp_path), Path.unlink
    active.heard(False)

    def broken(*_args: object, **_kwargs: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "unlink", broken)
    active.heard(True)
    assert active
    monkeypatch.setattr(Path, "unlink", unlink)
    assert not Active(tmp_path), "a restart is on the safe side"
    active.heard(True)
    assert Active(tmp_path)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="exists"):
        Active(tmp_path / "file")
