"""What is typed wrong, and what the disk refuses, is told in a line without a path."""

from pathlib import Path
from typing import NoReturn

import pytest

from training.commands import predict
from training.commands.line import main


@pytest.mark.parametrize("seed", ["-1", "99999999999", "1.5"])
def test_a_seed_is_what_every_library_takes(
    seed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["classify", str(tmp_path), "--seed", seed])
    assert stopped.value.code == 2
    assert "from 0 to 2147483647" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["build-mobilenet", "convert", "classify", "embed-head"])
def test_results_that_cannot_be_written_are_refused_before_the_training(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_bytes(b"no folder")
    people = tmp_path / "people"
    people.mkdir()
    given = {"build-mobilenet": [], "convert": ["network", "--photos", str(people)]}
    arguments = given.get(command, [str(people)])
    # /proc is a folder into which nobody can write, not even root.
    for out in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc")):
        assert main([command, *arguments, "--out", str(out)]) == 1
        said = capsys.readouterr().err
        assert said == (
            "invalid_parameter: nothing can be written into the folder that --out names\n"
        )


def test_what_the_disk_refuses_is_told_without_its_path(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_folder: Path) -> NoReturn:
        raise OSError(28, "No space left on device", "/where/it/lies")

    monkeypatch.setattr(predict, "load", full)
    assert main(["predict", "model", "photo.jpg"]) == 1
    said = capsys.readouterr().err
    assert said == "storage: a file cannot be read or written (No space left on device)\n"
