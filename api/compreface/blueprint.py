"""The blueprint that every module here adds its views to."""

from flask import Blueprint

compreface = Blueprint("compreface", __name__, url_prefix="/api/v1")
