"""/webhooks: addresses that want to know, and what was delivered."""

from flask import Blueprint

webhooks = Blueprint("webhooks", __name__)
