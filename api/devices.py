"""/devices: door units and their heartbeats."""

from flask import Blueprint

devices = Blueprint("devices", __name__)
