"""/api/v1: what clients of CompreFace ask for."""

from flask import Blueprint

compreface = Blueprint("compreface", __name__)
