"""Is the process alive, and is the service ready; if not, what is missing."""

from flask import Blueprint, Response

from api.answers import answer
from api.context import services
from api.contract.operation import OPEN, operation
from api.contract.service import Alive, Ready, Unready
from api.errors import RETRY_AFTER_SECONDS, error_body
from api.readiness import FAILED, check_all

health = Blueprint("health", __name__)


@health.get("/healthz")
@operation("Does the process answer?", OPEN, answers={200: Alive})
def healthz() -> Response:
    return answer({"status": "alive"})


@health.get("/readyz")
@operation("Can photos be recognized?", OPEN, answers={200: Ready, 503: Unready})
def readyz() -> Response:
    status, checks = check_all(services())
    body = {"status": status, "checks": checks}
    if status != FAILED:
        return answer(body)
    failed = ", ".join(name for name, check in checks.items() if check["status"] == FAILED)
    error = error_body("not_ready", f"not ready: {failed}", {})
    response = answer({**error, **body}, 503)
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS["not_ready"])
    return response
