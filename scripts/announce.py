"""Wait until the API is ready, then say where it is and what to try."""

import http.client
import signal
import sys
import time

from core.settings import Auth, Settings, SettingsError, load_settings

_PAUSE_SECONDS = 0.25
_PATIENCE_SECONDS = 60
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared only


def main() -> int:
    """Print the welcome once /readyz says 200, or the reason it does not after a minute."""
    # A server that stops takes this program with it; that is no news.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        settings = load_settings()
    except SettingsError:
        return 2
    host = _ANYWHERE.get(settings.host, settings.host)
    late_at = time.monotonic() + _PATIENCE_SECONDS
    while True:
        status, answer = _ask(host, settings.port)
        if status == http.HTTPStatus.OK:
            sys.stdout.write(welcome(settings, host))
            return 0
        if time.monotonic() > late_at:
            sys.stdout.write(f"\nStill not ready: {answer}\n\n")
            late_at = float("inf")
        time.sleep(_PAUSE_SECONDS)


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


def welcome(settings: Settings, host: str) -> str:
    """What a newcomer reads when everything runs."""
    url = f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
    header = "" if settings.auth is Auth.OFF else '-H "X-API-Key: $KEY" '
    lines = [
        f"Kenal is ready at {url}",
        f"  enroll:     cp portrait.jpg {settings.photo_dir}/1042.jpg",
        f"  recognize:  curl {header}-F photo=@another.jpg {url}/upload_photo",
        "  stop:       Ctrl-C",
    ]
    if settings.auth is Auth.OFF:
        lines.append("  No key is asked for (KENAL_AUTH=off): only this machine can connect.")
    else:
        lines.append("  Every request needs a key (KENAL_AUTH=required): flask keys --help")
    if settings.ftp_enabled:
        lines.append(f"  FTP:        {settings.ftp_host}:{settings.ftp_port}")
    return "\n" + "\n".join(lines) + "\n\n"


if __name__ == "__main__":
    sys.exit(main())
