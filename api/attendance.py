"""/attendance: first in and last out, per day and person."""

from flask import Blueprint

attendance = Blueprint("attendance", __name__)
