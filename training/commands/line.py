"""The command line: what is typed, and how refusals are told."""

import argparse
import sys
from collections.abc import Sequence

from core.errors import KenalError
from training.commands import build_mobilenet, classify, convert, embed_head, predict


def main(arguments: Sequence[str]) -> int:
    """Run a command; 0 where it is done, 1 where it was refused, with one line that says why."""
    parser = argparse.ArgumentParser(
        prog="python -m training", description="Training on your own people: docs/training.md."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (classify, predict, embed_head, build_mobilenet, convert):
        module.declare(commands)
    given = parser.parse_args(arguments)
    try:
        given.run(given)
    except KenalError as error:
        counts = [f"{name} {value}" for name, value in error.details.items()]
        more = f" ({', '.join(counts)})" if counts else ""
        sys.stderr.write(f"{error.code}: {error.message}{more}\n")
        return 1
    except OSError as error:
        # The system's own words without the path, which is in the rest of its message.
        sys.stderr.write(f"storage: a file cannot be read or written ({error.strerror})\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return 130
    return 0
