"""The app on fake networks that can be told to stop; for a real gunicorn: `create()`."""

import time
from pathlib import Path
from unittest import mock

from flask import Flask

from api import create_app
from core.settings import Settings, load_settings
from core.types import Face
from db import migrate
from pipeline.analyzer import Analyzer, LeastFace
from pipeline.images.decode import Pixels
from pipeline.services import Services
from pipeline.setup import prepare_embedder
from pipeline.turns import Turns
from tests.fakes import FakeDetector, FakeEmbedder, fake_look

HOLD = "hold"
"""While this file is in the data folder, no photo gets its answer."""
_PATIENCE_SECONDS = 300.0


class HeldDetector(FakeDetector):
    """Looks at a photo only when the file is gone."""

    def __init__(self, hold: Path) -> None:
        self._hold = hold

    def detect(self, rgb: Pixels, least_face_px: float, largest_only: bool = False) -> list[Face]:
        while self._hold.exists():
            time.sleep(0.01)
        return super().detect(rgb, least_face_px, largest_only)


def networks(embedder_id: str, settings: Settings) -> Analyzer:
    detector = HeldDetector(settings.data_dir / HOLD)
    return Analyzer(detector, FakeEmbedder(), LeastFace(settings.min_face_px), fake_look)


def patient_turns(settings: Settings) -> Turns:
    """As they are, but for the limit of a wait: no slow machine ends the wait in a test."""
    return Turns(settings.working_photos, settings.queue, _PATIENCE_SECONDS)


def create() -> Flask:
    """The application of this process's settings."""
    mock.patch("pipeline.engine.turns_of", patient_turns).start()
    services = Services.build(load_settings(), networks)
    migrate.upgrade(services.database)
    prepare_embedder(services.database, services.settings, lambda _: None, networks)
    return create_app(services=services)
