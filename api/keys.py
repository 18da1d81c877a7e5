"""/keys: API keys, for admins."""

from flask import Blueprint

keys = Blueprint("keys", __name__)
