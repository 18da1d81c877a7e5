"""Who may ask: the one place that lets a request in.

Without keys (KENAL_AUTH=off) only this machine may: a page in a browser here, too, can reach a
loopback address, so foreign names and foreign pages are refused.
"""

from urllib.parse import urlsplit

from flask import Flask, Request, request

from core.errors import Forbidden, Unauthorized
from core.settings import Auth, Settings, is_loopback

OPEN_ENDPOINTS = frozenset(["health.healthz", "health.readyz"])
_SAFE_METHODS = frozenset(["GET", "HEAD", "OPTIONS"])


def register(app: Flask, settings: Settings) -> None:
    """Check every request before anything else looks at it."""
    check = _check_local if settings.auth is Auth.OFF else _check_key

    @app.before_request
    def authorize() -> None:
        check(request)


def _check_key(asked: Request) -> None:
    # No key exists yet, so none can be right: closed, never open by accident.
    if asked.endpoint not in OPEN_ENDPOINTS:
        raise Unauthorized("a key is needed")


def _check_local(asked: Request) -> None:
    """Raises Forbidden for another machine, another name (DNS rebinding), another page (CSRF)."""
    if asked.remote_addr and not is_loopback(asked.remote_addr):
        raise Forbidden("without keys only this machine may ask; set KENAL_AUTH=required")
    if not _is_local_host(asked.headers.get("Host", "")):
        raise Forbidden("without keys the Host must be localhost or a loopback address")
    if asked.method not in _SAFE_METHODS and _is_from_foreign_page(asked):
        raise Forbidden("without keys no page of another site may change anything")


def _is_from_foreign_page(asked: Request) -> bool:
    origin = asked.headers.get("Origin")
    if origin is not None:
        return not _is_local_host(urlsplit(origin).netloc)
    return asked.headers.get("Sec-Fetch-Site") == "cross-site"


def _is_local_host(netloc: str) -> bool:
    try:
        name = urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return False
    return is_loopback(name.removesuffix("."))
