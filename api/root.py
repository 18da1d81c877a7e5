"""GET /: what this is, and where to go on."""

from flask import Blueprint, Response

from api.answers import answer

VERSION = "0.1.0"

root = Blueprint("root", __name__)


@root.get("/")
def about() -> Response:
    links = {
        "recognize": "/upload_photo",
        "users": "/users",
        "photos": "/photos",
        "health": "/healthz",
        "readiness": "/readyz",
    }
    return answer({"name": "Kenal", "version": VERSION, "links": links})
