"""The commands of the terminal that are about people."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

COMMANDS = ("register", "list", "delete", "verify")


class Subparsers(Protocol):
    """What `ArgumentParser.add_subparsers` gives."""

    def add_parser(self, name: str, *, help: str) -> argparse.ArgumentParser:
        """The parser of one command."""


def add_arguments(subparsers: Subparsers) -> list[argparse.ArgumentParser]:
    """Adds `COMMANDS`; their parsers, for what every command has. `samples` None: the setting."""
    makers: dict[str, Callable[[argparse.ArgumentParser], None]] = {
        "register": _register,
        "list": _list,
        "delete": _delete,
        "verify": _verify,
    }
    helps = ("make somebody known", "who is known here", "forget somebody", "is it this person?")
    parsers = []
    for name, text in zip(COMMANDS, helps, strict=True):
        parser = subparsers.add_parser(name, help=text)
        makers[name](parser)
        parsers.append(parser)
    return parsers


def _register(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="whoever stands before the camera")
    parser.add_argument("--user-id", help="else made from the name")
    parser.add_argument("--samples", type=_count, help="how many pictures; else register.samples")
    parser.add_argument("--no-window", action="store_true", help="words only")
    parser.add_argument("--folder", type=Path, help="photos: NAME/*.jpg and NAME.jpg")
    parser.add_argument("--resume", action="store_true", help="send what waits for the server")


def _list(parser: argparse.ArgumentParser) -> None:
    """Nothing more."""


def _delete(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("who", help="a user_id or a name")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("who", help="a user_id or a name")
    parser.add_argument("--photo", type=Path, help="instead of the camera")
    parser.add_argument("--no-window", action="store_true", help="words only")


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 20:
        raise argparse.ArgumentTypeError("from 1 to 20")
    return number
