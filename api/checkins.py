"""/checkins: who came or went, recorded once."""

from flask import Blueprint

checkins = Blueprint("checkins", __name__)
