"""How optimized graphs are kept: once, by one process at a time, and only where there is room."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.files import sha256_file
from pipeline.models import optimized
from pipeline.models.optimized import keep_optimized, optimized_files
from pipeline.models.processor import processor
from tests.optimized_kit import TITLE, answer_of, keep, make_network, own_answer

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(processor() is None, reason="this system tells no processor")


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "network.onnx"
    make_network(path)
    return path


def test_what_is_kept_is_made_once(network: Path) -> None:
    before = [path.stat().st_mtime_ns for path in keep(network)]
    assert [path.stat().st_mtime_ns for path in keep(network)] == before


def test_another_runtimes_are_removed(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, _ = keep(network)
    monkeypatch.setattr(optimized, "runtime_version", lambda: "99.0")
    new, graph = keep(network)
    assert new.exists()
    assert not old.exists()
    assert {path.suffix for path in network.parent.iterdir()} == {".onnx", ".json", ".lock"}
    assert graph.exists()


def test_a_system_that_tells_no_processor_goes_without(
    network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimized, "processor", lambda: None)
    keep_optimized(network, sha256_file(network), TITLE)
    assert [path.name for path in network.parent.iterdir()] == ["network.onnx"]
    assert (answer_of(network) == own_answer(network)).all()


def test_a_network_without_an_answer_is_not_kept(
    network: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_network(network, scale=0.0)
    keep_optimized(network, sha256_file(network), TITLE)
    assert optimized_files(network, sha256_file(network)) == []
    assert "no optimized graph" in caplog.text
    assert (answer_of(network) == 0).all()


def test_a_folder_that_refuses_costs_only_the_speed(
    network: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (network.parent / ".optimizing.lock").mkdir()
    keep_optimized(network, sha256_file(network), TITLE)
    assert "it starts without" in caplog.text
    assert str(network.parent) not in caplog.text
    assert (answer_of(network) == own_answer(network)).all()


def python(code: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", code, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


# A file system that takes no more bytes, for this process alone.
FULL = """
import resource, sys
from pathlib import Path
from pipeline.models.optimized import keep_optimized, open_network_of
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
keep_optimized(Path(sys.argv[1]), sys.argv[2], "it")
print(open_network_of(Path(sys.argv[1]), sys.argv[2], "it").run_probe()[0].tolist())
"""


@pytest.mark.parametrize("room", [0, 100, 1000])
def test_a_disk_that_is_full_costs_only_the_speed(network: Path, room: int) -> None:
    said, complaint = python(FULL, network, sha256_file(network), room).communicate(timeout=60)
    assert json.loads(said) == own_answer(network).tolist()
    assert "no optimized graph of it could be kept" in complaint
    assert {path.name for path in network.parent.iterdir()} == {"network.onnx", ".optimizing.lock"}


AT_ONCE = """
import sys
from pathlib import Path
from pipeline.models.optimized import keep_optimized, open_network_of
for _ in range(5):
    keep_optimized(Path(sys.argv[1]), sys.argv[2], "it")
    answer = open_network_of(Path(sys.argv[1]), sys.argv[2], "it").run_probe()[0]
print(answer.tolist())
"""


def test_processes_at_once_keep_one_and_open_it(network: Path) -> None:
    digest = sha256_file(network)
    processes = [python(AT_ONCE, network, digest) for _ in range(3)]
    told = [process.communicate(timeout=100) for process in processes]
    assert [complaint for _, complaint in told] == [""] * 3
    for said, _ in told:
        assert np.allclose(json.loads(said), own_answer(network)[0], atol=1e-6)
    record, graph = optimized_files(network, digest)
    left = {path.name for path in network.parent.iterdir()}
    assert left == {"network.onnx", ".optimizing.lock", record.name, graph.name}


def test_what_a_killed_process_left_is_removed(network: Path) -> None:
    left = network.parent / ".optimizing-abc"
    left.mkdir()
    (left / "graph.onnx").write_bytes(b"a part")
    part = network.parent / ".network.0123.optimized.onnx.1.abcd.tmp"
    part.write_bytes(b"a part")
    keep(network)
    assert not left.exists()
    assert not part.exists()
