"""What must be there before a start, in one process: `python -m scripts.prepare`.

The same as `flask db upgrade` and `flask models prepare`, which load half of Kenal each; and,
where keys are asked for and none was ever made, a first one for whoever sits at the terminal.
What it found is written down, so that `make serve` need not ask for all of it at each start.
"""

import sys

import click

from api.context import services
from core.errors import KenalError
from db import gallery
from pipeline.models.custom import MANIFEST_NAME
from pipeline.models.entry import DETECTOR
from pipeline.models.prepare import files_of
from scripts.first_key import see_to_keys
from scripts.prepared import write_down
from wsgi import app

_COMMANDS = (["db", "upgrade"], ["models", "prepare"])


def main() -> int:
    """Returns the exit code of the first command that fails, or 0."""
    for command in _COMMANDS:
        try:
            with app.app_context():
                app.cli.main(args=command, prog_name="flask", standalone_mode=False)
        except click.exceptions.Exit as ended:
            if ended.exit_code:
                return int(ended.exit_code)
    return _see_to_keys() or _write_down()


def _see_to_keys() -> int:
    with app.app_context():
        own = services()
    try:
        see_to_keys(own.settings, own.database, sys.stdout)
    except KenalError as error:
        sys.stderr.write(f"{error.code}: {error.message}\n")
        return 1
    return 0


def _write_down() -> int:
    with app.app_context():
        own = services()
    with own.database.read() as session:
        chosen = gallery.chosen(session)
    ids = [DETECTOR, chosen.embedder] if chosen else []
    try:
        files = [path for name in ids for path in files_of(name, own.settings)]
    except KenalError:
        return 0  # Another process took something away: the next start looks again.
    manifests = [own.settings.models_path / name / MANIFEST_NAME for name in ids]
    write_down(own.settings, [*files, *manifests])
    return 0


if __name__ == "__main__":
    sys.exit(main())
