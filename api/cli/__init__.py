"""`flask <group> <command>`: the same pipeline as the API, for a person at a terminal."""

from flask import Flask

from api.cli.db import db
from api.cli.index import index
from api.cli.models import models
from api.cli.photos import photos
from api.cli.users import users

GROUPS = (users, photos, index, models, db)


def register(app: Flask) -> None:
    for group in GROUPS:
        app.cli.add_command(group)
