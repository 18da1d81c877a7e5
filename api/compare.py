"""POST /compare and /detect: two faces, or the faces of a photo."""

from flask import Blueprint

compare = Blueprint("compare", __name__)
