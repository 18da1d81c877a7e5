"""Who may name people: only a network with a threshold from people it was not trained on."""

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from core.errors import ModelUnavailable
from edge.recognition.manifest import NetworkError, read_manifest
from pipeline.models.custom import ManifestInput, read_custom
from pipeline.models.network_input import Alignment, Layout
from training.held_out import Measured, measure
from training.manifests import manifest_json, manifest_toml
from training.provenance import NETWORK, RECORD, HeldOut, Provenance, read, why_untrained, write

SHA256 = "ab" * 32


def held_out(people: int, photos: int, noise: float, target: float) -> Measured:
    rng = np.random.default_rng(1)
    centers = np.repeat(rng.normal(size=(people, 64)), photos, axis=0)
    rows = (centers + noise * rng.normal(size=centers.shape)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return measure(rows, np.repeat(np.arange(people), photos), target)


def provenance(found: Measured) -> Provenance:
    reason = why_untrained(found)
    return Provenance(
        title='A "network" of ours — 1',
        license="ours",
        trained=not reason,
        reason=reason,
        how="a trial",
        made_at="2026-01-02T03:04:05+00:00",
        people=50,
        photos=400,
        dataset_sha256=SHA256,
        held_out=HeldOut.of(found),
        input=ManifestInput(side_px=112, layout=Layout.NHWC, alignment=Alignment.ARCFACE),
        dimensions=64,
        threshold=found.threshold,
    )


def written(tmp_path: Path, given: Provenance) -> Path:
    folder = tmp_path / "ours"
    folder.mkdir()
    (folder / "manifest.json").write_bytes(manifest_json(given, "network.onnx", SHA256, "here"))
    (folder / "manifest.toml").write_bytes(manifest_toml(given, "network.tflite", SHA256, "here"))
    return folder


def test_a_measured_network_is_taken_by_server_and_device(tmp_path: Path) -> None:
    found = held_out(20, 8, noise=0.5, target=0.05)
    given = provenance(found)
    assert given.trained
    assert found.threshold is not None
    folder = written(tmp_path, given)
    entry = read_custom(tmp_path, "ours")
    assert entry.default_threshold == found.threshold
    assert "160 photos of 20 people who took no part" in entry.error_rates
    assert "EER 0.00 %" in entry.error_rates
    for name, file in (("manifest.json", "network.onnx"), ("manifest.toml", "network.tflite")):
        told = read_manifest(folder / name)
        assert (told.threshold, told.file, told.title) == (found.threshold, file, given.title)
        assert told.input.side_px == 112
    assert tomllib.loads((folder / "manifest.toml").read_text())["trained"] is True
    measured = entry.false_matches
    assert measured is not None
    assert measured.comparisons == found.scores.impostor.size
    assert measured.errors == np.sum(found.scores.impostor >= found.threshold)
    assert measured.errors / measured.comparisons < measured.high < found.target


@pytest.mark.parametrize(
    ("people", "noise", "target", "says"),
    [
        (4, 0.5, 0.001, "an FMR of 0.001 cannot be shown with 96 comparisons"),
        (40, 30.0, 0.1, "it hardly tells people apart"),
    ],
)
def test_a_network_that_is_not_measured_well_is_refused_by_both(
    tmp_path: Path, people: int, noise: float, target: float, says: str
) -> None:
    given = provenance(held_out(people, 4, noise, target))
    assert not given.trained
    assert says in given.reason
    folder = written(tmp_path, given)
    with pytest.raises(ModelUnavailable, match=f"untrained .*{re.escape(says)}"):
        read_custom(tmp_path, "ours")
    for name in ("manifest.json", "manifest.toml"):
        with pytest.raises(NetworkError, match="without a measured one nobody is recognized"):
            read_manifest(folder / name)
    assert says in json.loads((folder / "manifest.json").read_text())["source"]


def test_one_false_label_of_trained_is_not_enough(tmp_path: Path) -> None:
    """Whoever only says true has no threshold yet."""
    folder = written(tmp_path, provenance(held_out(4, 4, 0.5, 0.001)))
    fields = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**fields, "trained": True}))
    with pytest.raises(NetworkError, match="default_threshold"):
        read_manifest(folder / "manifest.json")
    with pytest.raises(ModelUnavailable, match="untrained network"):
        read_custom(tmp_path, "ours")


@pytest.mark.parametrize("told", [{"trained": True}, {}])
def test_a_threshold_typed_into_a_refused_manifest_is_not_enough(
    tmp_path: Path, told: dict[str, bool]
) -> None:
    """It still says itself that the network is not trained."""
    folder = written(tmp_path, provenance(held_out(4, 4, 0.5, 0.001)))
    fields = json.loads((folder / "manifest.json").read_text())
    del fields["trained"]
    edited = {**fields, **told, "default_threshold": 0.5, "error_rates": "measured: very good"}
    (folder / "manifest.json").write_text(json.dumps(edited))
    with pytest.raises(NetworkError, match="untrained network"):
        read_manifest(folder / "manifest.json")
    with pytest.raises(ModelUnavailable, match="untrained network"):
        read_custom(tmp_path, "ours")


def test_a_record_that_was_edited_is_not_what_was_written(tmp_path: Path) -> None:
    (tmp_path / NETWORK).write_bytes(b"a network")
    given = provenance(held_out(4, 4, 0.5, 0.001))
    assert not given.trained
    write(tmp_path, given)
    fields = json.loads((tmp_path / RECORD).read_text())
    (tmp_path / RECORD).write_text(json.dumps({**fields, "trained": True, "threshold": 0.5}))
    with pytest.raises(ModelUnavailable, match="not as it was written"):
        read(tmp_path)


def test_the_threshold_is_of_people_and_above_what_was_seen() -> None:
    found = held_out(20, 8, noise=0.5, target=0.05)
    rates = found.at_threshold()
    assert rates is not None
    fmr, _ = rates
    assert fmr.trials == 160 * 159 // 2 - 20 * 28
    assert fmr.value is not None
    assert found.bound is not None
    assert fmr.value < found.bound <= 0.05


def test_a_network_that_was_changed_is_not_what_its_provenance_says(tmp_path: Path) -> None:
    (tmp_path / NETWORK).write_bytes(b"a network")
    given = provenance(held_out(20, 8, 0.5, 0.05))
    write(tmp_path, given)
    assert read(tmp_path).threshold == given.threshold
    (tmp_path / NETWORK).write_bytes(b"another one")
    with pytest.raises(ModelUnavailable, match="not the one"):
        read(tmp_path)
    (tmp_path / RECORD).write_text("{}")
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        read(tmp_path)
    (tmp_path / RECORD).unlink()
    with pytest.raises(ModelUnavailable, match="not there"):
        read(tmp_path)
