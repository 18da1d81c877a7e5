"""GET /metrics, for Prometheus."""

from typing import cast

from flask import Blueprint, Flask, Response, current_app

from api import access_log, exchange
from api.contract.operation import needs, operation
from api.measuring.measures import Measures
from api.measuring.state import State
from core.access import Scope
from core.errors import KenalError
from pipeline.services import Services

TYPE = "text/plain; version=0.0.4; charset=utf-8"
_MEASURES, _STATE = "kenal_measures", "kenal_state"

metrics = Blueprint("metrics", __name__)


def register(app: Flask, services: Services) -> None:
    """Count and log every request, as soon as it has a name."""
    measures = Measures(lambda: waiting_photos(services))
    app.extensions[_MEASURES] = measures
    app.extensions[_STATE] = State(services)
    exchange.register(app, measures.count, access_log.log)


@metrics.get("/metrics")
@operation(
    "What is counted and measured, for Prometheus",
    needs(Scope.READ, Scope.ADMIN),
    media_type="text/plain",
)
def show() -> Response:
    measures = cast(Measures, current_app.extensions[_MEASURES])
    text = measures.as_text(cast(State, current_app.extensions[_STATE]))
    return Response(text, content_type=TYPE)


def waiting_photos(services: Services) -> int:
    """How many photos wait in this process."""
    try:
        return services.engine().recognizer.turns.waiting
    except KenalError:
        return 0
