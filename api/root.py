"""GET /: what this is, and where to go on."""

from flask import Blueprint, Response

from api.answers import answer
from api.contract.operation import needs, operation
from api.contract.service import About
from core.access import Scope

VERSION = "0.1.0"

root = Blueprint("root", __name__)


@root.get("/")
@operation("What this is, and where to go on", needs(*Scope), answers={200: About})
def about() -> Response:
    links = {
        "recognize": "/upload_photo",
        "users": "/users",
        "photos": "/photos",
        "health": "/healthz",
        "readiness": "/readyz",
    }
    return answer({"name": "Kenal", "version": VERSION, "links": links})
