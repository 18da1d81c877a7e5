"""`python -m edge run|check|close`."""

import argparse
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge.checks import Finding, check_camera, check_disk, check_server
from edge.config import load_config
from edge.detection import DetectorError
from edge.logs import silence_opencv, start_logging
from edge.program import camera_of, run, watcher_of
from edge.relay import RelayFailed, relay_of
from edge.sections import Config
from edge.settings_fields import ConfigError


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 where all is well."""
    parser = argparse.ArgumentParser(prog="python -m edge", description="A door of Kenal.")
    parser.add_argument("command", choices=["run", "check", "close"])
    parser.add_argument("--config", type=Path, help="the TOML file; else EDGE_CONFIG")
    given = parser.parse_args(arguments)
    silence_opencv()
    try:
        config = load_config(given.config)
        if given.command == "check":
            return _check(config)
        if given.command == "close":
            _close(config)
        else:
            start_logging()
            run(config)
    except (ConfigError, DetectorError, RelayFailed) as error:
        return _failed(str(error))
    except sqlite3.Error:
        return _failed("the queue in outbox.folder cannot be opened")
    except OSError as error:
        return _failed(f"outbox.folder or server.ca_file cannot be used: {error.strerror}")
    return 0


def _failed(word: str) -> int:
    sys.stderr.write(f"{word}\n")
    return 2


def _check(config: Config) -> int:
    is_bad = False
    for finding in _findings(config):
        sys.stdout.write(f"{'BAD' if finding.is_bad else 'ok':4}{finding.what}: {finding.word}\n")
        is_bad = is_bad or finding.is_bad
    return 1 if is_bad else 0


def _findings(config: Config) -> Iterator[Finding]:
    yield check_disk(config)
    yield check_camera(camera_of(config, patient=False))
    try:
        watcher_of(config)
        yield Finding("detector", "loaded")
    except DetectorError as error:
        yield Finding("detector", str(error), True)
    yield from check_server(config)
    if config.relay.pin is None:
        yield Finding("relay", "none: nothing opens")
        return
    try:
        _close(config)
        yield Finding("relay", "there, and closed")
    except RelayFailed as error:
        yield Finding("relay", str(error), True)


def _close(config: Config) -> None:
    """Closes the door: what ran before may have died with it open."""
    relay = relay_of(config.relay)
    if relay is not None:
        relay.close()


if __name__ == "__main__":
    sys.exit(main())
