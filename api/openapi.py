"""GET /openapi.json and /docs: the contract, to read and to browse, without the internet."""

from functools import cache
from importlib.resources import files
from types import MappingProxyType

from flask import Blueprint, Flask, Response, current_app

from api.contract.document import document
from api.contract.operation import OPEN, operation
from core.errors import NotFound

_TITLE = "Kenal API"
_TEXT = "kenal_openapi"
_START = """window.ui = SwaggerUIBundle({
  url: "../openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis], persistAuthorization: false});
"""
_PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{_TITLE}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
"""
_KINDS = MappingProxyType({"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"})
# Only what the page itself brings: no other site is asked for anything.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

openapi = Blueprint("openapi", __name__)


@openapi.get("/openapi.json")
@operation("This contract", OPEN, media_type="application/openapi+json")
def contract() -> Response:
    app = _app()
    # Who asks needs no key: made anew each time, it would cost them nothing and us much.
    if _TEXT not in app.extensions:
        app.extensions[_TEXT] = app.json.dumps(document(app)).encode()
    return Response(app.extensions[_TEXT], mimetype="application/openapi+json")


@openapi.get("/docs")
@operation("This contract, to browse", OPEN, media_type="text/html")
def page() -> Response:
    response = Response(_PAGE, mimetype="text/html")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@openapi.get("/docs/<name>")
@operation("A part of that page", OPEN, media_type="text/plain")
def part(name: str) -> Response:
    if name == "start.js":
        return Response(_START, mimetype="text/javascript")
    if name not in _KINDS:
        raise NotFound("there is nothing at this address")
    return Response(_bundled(name), mimetype=_KINDS[name])


@cache
def _bundled(name: str) -> bytes:
    """A file of Swagger UI as its package brings it."""
    return files("flask_swagger_ui").joinpath("dist", name).read_bytes()


def _app() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined,no-any-return]
