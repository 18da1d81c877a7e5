"""Wait until the API is ready, then say where it is and what to try.

`python -m scripts.announce HOST PORT TEXT [NOTE PLACE]`: told everything, because to read the
settings takes a tenth of a start, on the cores that the service starts on.
"""

import contextlib
import http.client
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.settings import Settings

_PAUSE_SECONDS = 0.25
_PATIENCE_SECONDS = 60
_OFF = "off"
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared only


def main(host: str, port: int, text: str, note: Sequence[str]) -> int:
    """Print `text` once /readyz says 200, or the reason it does not after a minute.

    `note` is empty, or where a file lies and where it belongs once the service is ready.
    """
    # A server that stops takes this program with it; that is no news.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    late_at = time.monotonic() + _PATIENCE_SECONDS
    while True:
        status, answer = _ask(host, port)
        if status == http.HTTPStatus.OK:
            _put_back(note)
            sys.stdout.write(text)
            return 0
        if time.monotonic() > late_at:
            sys.stdout.write(f"\nStill not ready: {answer}\n\n")
            late_at = float("inf")
        time.sleep(_PAUSE_SECONDS)


def _put_back(note: Sequence[str]) -> None:
    # Where that fails the next start takes longer, and finds out.
    with contextlib.suppress(OSError):
        if note:
            os.replace(*note)


def _ask(host: str, port: int) -> tuple[int, str]:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        return response.status, response.read(2000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return 0, "no answer yet"
    finally:
        connection.close()


def reachable_host(settings: "Settings") -> str:
    """The address to ask this server at, from this machine."""
    return _ANYWHERE.get(settings.host, settings.host)


def welcome(settings: "Settings", host: str) -> str:
    """What a newcomer reads when everything runs."""
    url = f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
    header = "" if settings.auth == _OFF else '-H "X-API-Key: $KEY" '
    lines = [
        f"Kenal is ready at {url}",
        f"  enroll:     cp portrait.jpg {settings.photo_dir}/1042.jpg",
        f"  recognize:  curl {header}-F photo=@another.jpg {url}/upload_photo",
        "  stop:       Ctrl-C",
    ]
    if settings.auth == _OFF:
        lines.append("  No key is asked for (KENAL_AUTH=off): only this machine can connect.")
    else:
        lines.append("  Every request needs a key (KENAL_AUTH=required): flask keys --help")
    if settings.ftp_enabled:
        lines.append(f"  FTP:        {settings.ftp_host}:{settings.ftp_port}")
    return "\n" + "\n".join(lines) + "\n\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]))
