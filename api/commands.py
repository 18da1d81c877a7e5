"""The command line's groups, each imported when it is asked for: a server needs none of them."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

import click
from flask.cli import AppGroup

GROUPS: Mapping[str, str] = MappingProxyType(
    {
        name: f"api.cli.{name}"
        for name in (
            *("users", "photos", "index", "models", "db", "keys", "evaluate"),
            "calibrate",
        )
    }
    # With the commands that go over to another network.
    | {"models": "api.cli.switching"}
)
"""A group's name, which is its variable's too, and its module."""


class Commands(AppGroup):
    """`flask <group> <command>`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *GROUPS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = GROUPS.get(cmd_name)
        if module is None:
            return super().get_command(ctx, cmd_name)
        group = getattr(import_module(module), cmd_name)
        assert isinstance(group, click.Command)
        return group
