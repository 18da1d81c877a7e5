"""Labelled photos of colors (see tests/fakes.py), laid out as people lay theirs out."""

from pathlib import Path

from core.settings import Settings
from evaluation.embedding import Limits
from pipeline.analyzer import Analyzer
from tests.fakes import EMBEDDER, FakeNetworks, fake_settings, portrait

LIMITS = Limits(20_000_000, 64_000_000)


def people(folder: Path, count: int = 6, photos: int = 3) -> Path:
    """`folder/p<n>/<k>.png`: people 1 to `count`, their photos in different shades."""
    for person in range(1, count + 1):
        place = folder / f"p{person}"
        place.mkdir(parents=True)
        for shade in range(photos):
            (place / f"{shade}.png").write_bytes(portrait(person, shade))
    return folder


def analyzer(settings: Settings | None = None) -> Analyzer:
    return FakeNetworks()(EMBEDDER, settings or fake_settings(Path()))
