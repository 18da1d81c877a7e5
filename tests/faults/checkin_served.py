"""The app on fake networks for which a picture stays fresh as long as the test takes."""

from flask import Flask

from api import create_app
from core.settings import load_settings
from pipeline.services import Services
from tests.fakes import FakeNetworks


def create() -> Flask:
    """The application on a database that is there already."""
    settings = load_settings().model_copy(update={"fresh_seconds": 300.0})
    return create_app(services=Services.build(settings, FakeNetworks()))
