"""GET /audit: weighty acts, newest first."""

from flask import Blueprint

audit = Blueprint("audit", __name__)
