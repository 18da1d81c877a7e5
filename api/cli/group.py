"""What all command groups share: a refusal is one line with its code, never a traceback."""

import logging

import click
from flask.cli import AppGroup

from core.errors import KenalError
from core.logs import describe

_log = logging.getLogger(__name__)


class Group(AppGroup):
    """Commands that end with exit code 1 and one line on standard error when they cannot."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KenalError as error:
            line = f"{error.code}: {error.message}"
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001 - said in one line, its place in the log
            _log.error("internal error [%s]", describe(error))
            line = "internal: an internal error; its place is in the log"
        click.echo(line, err=True)
        raise click.exceptions.Exit(1)
