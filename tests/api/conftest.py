"""The real app on fake networks: a color is a person (see tests/fakes.py)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import create_app
from pipeline.services import Services
from tests.api.contract_kit import Contract
from tests.api.kit import enroll
from tests.fakes import fake_settings, make_services, portrait


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Started services on an empty gallery."""
    services = make_services(fake_settings(tmp_path))
    services.start()
    yield services
    services.close()


@pytest.fixture
def app(services: Services) -> Iterator[Flask]:
    """The application; every answer of the test is held against its declaration."""
    app = create_app(services=services)
    contract = Contract(app)
    yield app
    contract.check()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A client for tests that change nothing; the gallery holds person 5 as 1042."""
    services = make_services(fake_settings(tmp_path_factory.mktemp("reader"), max_upload_mb=1))
    services.start()
    app = create_app(services=services)
    contract = Contract(app)
    client = app.test_client()
    enroll(client, "1042", portrait(5))
    yield client
    services.close()
    contract.check()


@pytest.fixture
def cold_services(tmp_path: Path) -> Iterator[Services]:
    """Services that nobody started."""
    services = make_services(fake_settings(tmp_path))
    yield services
    services.close()


@pytest.fixture
def cold_client(cold_services: Services) -> FlaskClient:
    return create_app(services=cold_services).test_client()
