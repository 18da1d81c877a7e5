"""What must be there before a start, in one process: `python -m scripts.prepare`.

The same as `flask db upgrade` and `flask models prepare`, which load half of Kenal each.
"""

import sys

import click

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
    return 0


if __name__ == "__main__":
    sys.exit(main())
