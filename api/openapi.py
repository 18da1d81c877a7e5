"""GET /openapi.json and /docs: the contract, to read and to browse."""

from flask import Blueprint

openapi = Blueprint("openapi", __name__)
