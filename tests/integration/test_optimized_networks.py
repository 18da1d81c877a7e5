"""The optimized graphs of the real networks answer as the networks do, on real faces."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.photos import photos
from core.settings import Settings
from pipeline.analyzer import build_analyzer
from pipeline.builder import build_embedder
from pipeline.images.decode import decode
from pipeline.models import optimized
from pipeline.models.prepare import prepare
from pipeline.models.prepared import network_file
from pipeline.models.processor import processor
from pipeline.models.registry import find

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(processor() is None, reason="this system tells no processor"),
]
CAP = 64_000_000


@pytest.mark.parametrize("model_id", ["dlib", "mobilefacenet"])
def test_embeddings_are_the_same_with_and_without(
    model_id: str, shared_dir: Path, model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(model_dir=model_dir)
    prepare(model_id, settings)
    entry = find(model_id, settings)
    assert optimized.optimized_files(*network_file(entry, model_dir))
    kept = build_analyzer(model_id, settings)
    kept.load()
    monkeypatch.setattr(optimized, "_open_kept", lambda *_: None)
    plain = build_embedder(entry, settings)
    seen = 0
    for path in photos(shared_dir / "faces" / "gallery" / "train").values():
        photo = decode(path.read_bytes(), CAP)
        faces = kept.detect(photo).usable
        scaled = [face.scaled(photo.scale) for face in faces]
        with_graph, without = kept.embed(photo, faces), plain.embed(photo.rgb, scaled)
        seen += len(with_graph)
        assert np.abs(with_graph - without).max(initial=0) <= 1e-5
    assert seen >= 5
