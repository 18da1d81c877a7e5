"""Optimized graphs: used where exactly right, and never in place of the network's own answer."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.errors import ModelUnavailable
from core.files import sha256_file
from core.settings import Device
from pipeline.models import optimized
from pipeline.models.onnx_runtime import OnnxNetwork, open_network
from pipeline.models.optimized import open_network_of
from pipeline.models.processor import processor
from tests.optimized_kit import TITLE, answer_of, keep, make_network, own_answer

Damage = Callable[[Path, Path], object]

pytestmark = pytest.mark.skipif(processor() is None, reason="this system tells no processor")


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "network.onnx"
    make_network(path)
    return path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were opened as networks, in order."""
    files: list[Path] = []

    def note(
        model: Path, threads: int = 0, device: Device = Device.CPU, as_it_is: bool = False
    ) -> OnnxNetwork:
        files.append(model)
        return open_network(model, threads, device=device, as_it_is=as_it_is)

    monkeypatch.setattr(optimized, "open_network", note)
    return files


def test_a_kept_graph_is_opened_in_the_networks_place(network: Path, opened: list[Path]) -> None:
    _, graph = keep(network)
    opened.clear()
    assert np.abs(answer_of(network) - own_answer(network)).max() <= 1e-6
    assert opened == [graph]


def test_where_none_is_kept_the_network_itself_is_opened(network: Path, opened: list[Path]) -> None:
    answer_of(network)
    assert opened == [network]
    # To serve is to read: only a preparation writes.
    assert [path.name for path in network.parent.iterdir()] == ["network.onnx"]


def test_a_link_finds_what_is_kept_beside_its_target(
    network: Path, tmp_path: Path, opened: list[Path]
) -> None:
    _, graph = keep(network)
    opened.clear()
    link = tmp_path / "elsewhere" / "network.onnx"
    link.parent.mkdir()
    link.symlink_to(network)
    answer_of(link)
    assert opened == [graph]


def _flip(record: Path, graph: Path) -> None:
    whole = graph.read_bytes()
    middle = len(whole) // 2
    graph.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])


def _answers_otherwise(record: Path, graph: Path) -> None:
    fields = json.loads(record.read_bytes())
    fields["answers"][0][3] += 1e-3
    record.write_text(json.dumps(fields))


def _is_another(record: Path, graph: Path) -> None:
    # The hash is right: only the probe can tell.
    make_network(graph, seed=1)
    fields = json.loads(record.read_bytes()) | {"sha256": sha256_file(graph)}
    record.write_text(json.dumps(fields))


DAMAGES: dict[str, Damage] = {
    "empty": lambda record, graph: graph.write_bytes(b""),
    "truncated": lambda record, graph: graph.write_bytes(graph.read_bytes()[:-9]),
    "one bit": _flip,
    "gone": lambda record, graph: graph.unlink(),
    "no graph": lambda record, graph: graph.write_bytes(b"not a network"),
    "other answers": _answers_otherwise,
    "another network": _is_another,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_graph_is_dropped_and_the_network_serves(
    network: Path, damage: Damage, caplog: pytest.LogCaptureFixture
) -> None:
    record, graph = keep(network)
    damage(record, graph)
    with caplog.at_level(logging.WARNING):
        answer = answer_of(network)
    assert (answer == own_answer(network)).all()
    assert "damaged or answers differently" in caplog.text
    assert str(network.parent) not in caplog.text
    assert not record.exists()
    # The next preparation makes it anew.
    caplog.clear()
    keep(network)
    answer_of(network)
    assert caplog.text == ""


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b'{"purpose": 1}', b'{"purpose": {"more": 1}}', b"\xff"],
)
def test_a_damaged_record_is_no_record(network: Path, damage: bytes, opened: list[Path]) -> None:
    record, graph = keep(network)
    record.write_bytes(damage)
    opened.clear()
    answer_of(network)
    assert opened == [network]
    assert keep(network) == (record, graph)


def test_a_record_names_no_file_elsewhere(network: Path, opened: list[Path]) -> None:
    record, graph = keep(network)
    (network.parent / "deeper").mkdir()
    graph.rename(network.parent / "deeper" / graph.name)
    fields = json.loads(record.read_bytes()) | {"graph": f"deeper/{graph.name}"}
    record.write_text(json.dumps(fields))
    opened.clear()
    answer_of(network)
    assert opened == [network]


@pytest.mark.parametrize("part", ["network", "runtime", "processor", "level", "device"])
def test_a_graph_for_another_purpose_is_not_opened(
    network: Path, part: str, opened: list[Path]
) -> None:
    record, _ = keep(network)
    fields = json.loads(record.read_bytes())
    fields["purpose"][part] = "another"
    record.write_text(json.dumps(fields))
    opened.clear()
    answer_of(network)
    assert opened == [network]


def test_two_networks_swapped_graphs_are_told_apart(network: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "network.onnx"
    other.parent.mkdir()
    make_network(other, seed=1)
    (record, graph), (others_record, others_graph) = keep(network), keep(other)
    graph.write_bytes(others_graph.read_bytes())
    assert (answer_of(network) == own_answer(network)).all()
    record.write_bytes(others_record.read_bytes())
    assert (answer_of(network) == own_answer(network)).all()
    assert np.abs(own_answer(network) - own_answer(other)).max() > 1e-3


def test_each_processor_has_its_own(
    network: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = keep(network)
    monkeypatch.setattr(optimized, "processor", lambda: "model name: another")
    opened.clear()
    answer_of(network)
    assert opened == [network]
    there = keep(network)
    assert there[0] != here[0]
    assert all(path.exists() for path in (*here, *there))


def test_a_changed_network_is_an_error_whatever_is_kept(network: Path) -> None:
    sha256 = sha256_file(network)
    keep(network)
    make_network(network, seed=1)
    with pytest.raises(ModelUnavailable, match="wrong SHA-256"):
        open_network_of(network, sha256, TITLE)
    network.unlink()
    with pytest.raises(ModelUnavailable, match="not there"):
        open_network_of(network, sha256, TITLE)


def test_a_network_written_again_is_compared_and_then_served(
    network: Path, opened: list[Path]
) -> None:
    _, graph = keep(network)
    network.write_bytes(network.read_bytes())
    opened.clear()
    answer_of(network)
    assert opened == [graph]


def test_a_gpu_never_gets_a_processors_graph(network: Path) -> None:
    keep(network)
    assert optimized._purpose(sha256_file(network), Device.CUDA) is None
