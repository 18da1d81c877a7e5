"""`flask keys`: API keys."""

from api.cli.group import Group

keys = Group("keys", help="API keys.")
