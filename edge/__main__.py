"""`python -m edge run|check|close|register|list|delete|verify`."""

import argparse
import sqlite3
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from edge.checking import findings
from edge.config import load_config
from edge.detection import DetectorError
from edge.local_parts import local_of
from edge.logs import silence_opencv, start_logging
from edge.parts import camera_of
from edge.program import run
from edge.recognition.manifest import NetworkError
from edge.recognition.storage import GalleryError
from edge.registering.arguments import COMMANDS, add_arguments
from edge.registering.commands import run_register
from edge.relay import RelayFailed, relay_of
from edge.sections import Config
from edge.settings_fields import ConfigError
from edge.signals import signals_of


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 where all is well."""
    given = _parser().parse_args(arguments)
    silence_opencv()
    try:
        return _done(given, load_config(given.config))
    except (ConfigError, DetectorError, GalleryError, NetworkError, RelayFailed) as error:
        return _failed(str(error))
    except sqlite3.Error:
        return _failed("the queue or the gallery in outbox.folder cannot be opened")
    except OSError as error:
        if error.errno is None:
            return _failed(str(error))
        return _failed(f"outbox.folder or server.ca_file cannot be used: {error.strerror}")
    except KeyboardInterrupt:
        return _failed("stopped")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m edge", description="A door of Kenal.")
    commands = parser.add_subparsers(dest="command", required=True)
    helps = {
        "run": "be the door, until it is stopped",
        "check": "say what is wrong with camera, server, key, clock and the rest",
        "close": "close the door",
    }
    own = [commands.add_parser(name, help=text) for name, text in helps.items()]
    for each in (*own, *add_arguments(commands)):
        each.add_argument("--config", type=Path, help="the TOML file; else EDGE_CONFIG")
    return parser


def _done(given: argparse.Namespace, config: Config) -> int:
    if given.command == "check":
        return _check(config)
    if given.command == "close":
        _close(config)
    elif given.command in COMMANDS:
        with local_of(config) as local:
            embedder, store = (local.by_landmarks, local.store) if local else (None, None)
            camera = partial(camera_of, config, patient=False)
            return run_register(given, config, camera, embedder, store)
    else:
        start_logging()
        run(config)
    return 0


def _close(config: Config) -> None:
    """Closes the door, and silences what tells of it: a kill may have left both on."""
    try:
        relay = relay_of(config.relay)
        if relay is not None:
            relay.close()
    finally:
        signals = signals_of(config.signals)
        if signals is not None:
            signals.close()


def _failed(word: str) -> int:
    sys.stderr.write(f"{word}\n")
    return 2


def _check(config: Config) -> int:
    is_bad = False
    for finding in findings(config):
        sys.stdout.write(f"{'BAD' if finding.is_bad else 'ok':4}{finding.what}: {finding.word}\n")
        is_bad = is_bad or finding.is_bad
    return 1 if is_bad else 0


if __name__ == "__main__":
    sys.exit(main())
