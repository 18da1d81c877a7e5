"""Asks the server for its gallery. TLS is always verified and redirects are never followed."""

import time

import httpx

from edge.client import http_of, whole, words_of
from edge.sections import ServerSettings
from edge.verdict import Reply

_MAX_ANSWER_BYTES = 32 << 20
_SECONDS = 60.0
"""For a whole page, which is far larger than the answer to an event."""


class GalleryClient:
    """One server, one device; thread-safe."""

    def __init__(self, server: ServerSettings) -> None:
        """Raises OSError where the authority's file cannot be read; connects to nobody yet."""
        self._path = f"/devices/{server.device_id}/gallery"
        self._http = http_of(server)

    def close(self) -> None:
        self._http.close()

    def page(self, network_sha256: str, after: str | None, request_id: str) -> Reply | str:
        """The whole answer in time, or in words why there is none; no word holds an address."""
        asked = {"network": network_sha256} | ({} if after is None else {"after": after})
        until = time.monotonic() + _SECONDS
        try:
            with self._http.stream(
                "GET", self._path, params=asked, headers={"X-Request-ID": request_id}
            ) as response:
                return whole(response, until, _MAX_ANSWER_BYTES)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return words_of(error)
