"""The address of a webhook, as somebody wrote it."""

import httpx

from core.errors import InvalidParameter
from pipeline.webhooks.network import Refused, Unresolved, resolve

MAX_URL = 2048
_LOOK_UP_SECONDS = 5.0
_LAST_PORT = 65535
_PORTS = {"http": 80, "https": 443}


def check_url(text: str, private: bool) -> None:
    """Raises InvalidParameter for what is no webhook's URL, or leads where webhooks may not go."""
    url = parse(text)
    try:
        resolve(url.host, port_of(url), private, _LOOK_UP_SECONDS)
    except (Refused, Unresolved) as error:
        raise _wrong(str(error)) from None


def parse(text: str) -> httpx.URL:
    """The URL; raises InvalidParameter for its form."""
    if len(text) > MAX_URL or not text.isprintable() or any(c in ' \\"<>' for c in text):
        raise _wrong("this is not a URL")
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise _wrong("this is not a URL") from None
    if url.scheme not in _PORTS or not url.host:
        raise _wrong("a webhook's URL begins with https:// or http:// and names a host")
    if url.userinfo:
        raise _wrong("a webhook's URL holds no user name or password")
    if url.fragment or "#" in text:
        raise _wrong("a webhook's URL has no part after #")
    if not 1 <= port_of(url) <= _LAST_PORT:
        raise _wrong("a webhook's URL has a port that exists")
    return url


def port_of(url: httpx.URL) -> int:
    return _PORTS[url.scheme] if url.port is None else url.port


def _wrong(message: str) -> InvalidParameter:
    return InvalidParameter(message, {"parameter": "url"})
