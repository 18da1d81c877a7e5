"""Kenal on two fake networks: `create()` for gunicorn and flask; the watcher, run as a program."""

import sys
import time
from collections.abc import Sequence
from unittest import mock

from flask import Flask

from api import create_app
from core.settings import Settings, load_settings
from core.types import Face, Matrix
from db.session import Database
from pipeline import watcher
from pipeline.analyzer import Analyzer, LeastFace
from pipeline.images.decode import Pixels
from pipeline.services import Services
from tests.fakes import FakeDetector, fake_look
from tests.spaces_kit import FURTHER, FurtherEmbedder, TwoNetworks

_EMBED_SECONDS = 0.01


class SlowEmbedder(FurtherEmbedder):
    """So slow that a fill can be killed in the middle."""

    def embed(self, rgb: Pixels, faces: Sequence[Face]) -> Matrix:
        time.sleep(_EMBED_SECONDS)
        return super().embed(rgb, faces)


class SlowNetworks(TwoNetworks):
    """Knows two networks, the second one a slow one."""

    def __call__(self, embedder_id: str, settings: Settings) -> Analyzer:
        if embedder_id != FURTHER:
            return super().__call__(embedder_id, settings)
        return Analyzer(FakeDetector(), SlowEmbedder(), LeastFace(settings.min_face_px), fake_look)


def build(settings: Settings) -> Services:
    mock.patch("pipeline.models.prepare.prepare").start()
    return Services(settings, Database(settings.resolved_database_url), SlowNetworks())


def create() -> Flask:
    """The application of this process's settings."""
    return create_app(services=build(load_settings()))


if __name__ == "__main__":
    with mock.patch("pipeline.watcher.Services.build", build):
        sys.exit(watcher.main())
