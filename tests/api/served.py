"""The app on fake networks, for a real gunicorn: `tests.api.served:create()`."""

from flask import Flask

from api import create_app
from core.settings import load_settings
from db import migrate
from pipeline.services import Services
from pipeline.setup import prepare_embedder
from tests.fakes import FakeNetworks


def create() -> Flask:
    """The application of this process's settings."""
    services = Services.build(load_settings(), FakeNetworks())
    migrate.upgrade(services.database)
    prepare_embedder(services.database, services.settings, lambda _: None, FakeNetworks())
    return create_app(services=services)
