"""The app factory: settings, services, protection, errors, resources, commands."""

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from werkzeug.middleware.proxy_fix import ProxyFix

from api import auth, errors, idempotency, request_ids
from api.attendance import attendance
from api.audit import audit
from api.checkins import checkins
from api.commands import Commands
from api.compare import compare
from api.compreface import compreface
from api.context import EXTENSION
from api.devices import devices
from api.embeddings import embeddings
from api.health import health
from api.keys import keys
from api.metrics import metrics
from api.metrics import register as register_metrics
from api.openapi import openapi
from api.photos import photos
from api.reports import reports
from api.root import root
from api.streams import streams
from api.strict_request import StrictRequest
from api.upload_photo import upload_photo
from api.uploads import largest_body
from api.user_photos import user_photos
from api.users import users
from api.webhooks import webhooks
from core.logs import configure_logging
from core.settings import Settings, SettingsError, load_settings
from pipeline.services import Services

_RESOURCES = (
    root,
    upload_photo,
    streams,
    users,
    user_photos,
    photos,
    health,
    keys,
    audit,
    devices,
    checkins,
    attendance,
    webhooks,
    compare,
    embeddings,
    reports,
    openapi,
    metrics,
    compreface,
)
_FORM_PARTS = 10
_FORM_MEMORY_BYTES = 256_000


class OrderedJson(DefaultJSONProvider):
    sort_keys = False


class KenalFlask(Flask):
    request_class = StrictRequest
    json_provider_class = OrderedJson


def create_app(settings: Settings | None = None, services: Services | None = None) -> Flask:
    """The application. Opens no connection and loads no network; raises SettingsError.

    Without arguments it is the process's own: settings from the environment, logs configured.
    """
    app = KenalFlask(__name__, static_folder=None)
    if settings is None:
        settings = services.settings if services else _own_settings()
    if services is None:
        services = _build(settings)
        # gunicorn's hook starts them right after the fork; other servers, at the first request.
        app.before_request(services.start_in_background)
    app.extensions[EXTENSION] = services
    app.config.update(
        MAX_CONTENT_LENGTH=largest_body(settings),
        MAX_FORM_PARTS=_FORM_PARTS,
        MAX_FORM_MEMORY_SIZE=_FORM_MEMORY_BYTES,
    )
    app.url_map.merge_slashes = False
    if settings.trusted_proxies:
        # The address alone: a Host that a client can forward would undo what looks at it.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0, x_host=0
        )
    request_ids.register(app)
    register_metrics(app, services)
    errors.register(app)
    auth.register(app, settings, services.database)
    idempotency.register(app, services.database)
    for resource in _RESOURCES:
        app.register_blueprint(resource)
    app.cli = Commands()
    return app


def _own_settings() -> Settings:
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_json)
    return settings


def _build(settings: Settings) -> Services:
    try:
        return Services.build(settings)
    except OSError:
        raise SettingsError("KENAL_DATA_DIR or KENAL_PHOTO_DIR cannot be made") from None
