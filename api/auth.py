"""Who may ask: the one place that lets a request in.

Without keys (KENAL_AUTH=off) only this machine may: a page in a browser here, too, can reach a
loopback address, so foreign names and foreign pages are refused.
"""

from collections.abc import Callable, Collection
from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, g, request

from api import request_ids
from api.contract.operation import OPEN, operation_of
from core.access import LOCAL, Caller, Scope
from core.errors import Forbidden, Unauthorized
from core.settings import Auth, Settings, is_loopback
from db.session import Database
from pipeline.key_check import KeyCheck
from pipeline.notes import Notes

_SAFE_METHODS = frozenset(["GET", "HEAD", "OPTIONS"])
_BEARER = "bearer "
_ACTION = 64


def register(app: Flask, settings: Settings, database: Database) -> None:
    """Check every request before anything else looks at it."""
    notes = Notes(database)
    who = _local if settings.auth is Auth.OFF else _by_key(KeyCheck(database, notes))

    @app.before_request
    def authorize() -> None:
        declared = operation_of(current_app, request.endpoint)
        is_open = declared is not None and declared.scopes == OPEN
        if is_open and settings.auth is not Auth.OFF:
            return
        g.caller = who(request)
        # What declares nothing is nobody's but an admin's.
        wanted = declared.scopes if declared else frozenset([Scope.ADMIN])
        if request.endpoint is not None and not is_open and not g.caller.may(wanted):
            _refuse(notes, g.caller, wanted)

    @app.after_request
    def challenge(response: Response) -> Response:
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = 'Bearer realm="Kenal"'
        return response


def caller() -> Caller:
    """Whoever sent the request being answered."""
    found = g.caller
    assert isinstance(found, Caller)
    return found


def _refuse(notes: Notes, asked: Caller, wanted: Collection[Scope]) -> None:
    # A key that tries what it may not is worth an admin's look; a missing one is only noise.
    notes.refused(asked, f"{request.method} {request.url_rule}"[:_ACTION], request_ids.current())
    raise Forbidden("this key may not do that", {"scopes": sorted(wanted)})


def _by_key(check: KeyCheck) -> Callable[[Request], Caller]:
    return lambda asked: check.caller(_given_key(asked), asked.remote_addr)


def _given_key(asked: Request) -> str:
    """The one key in the headers; raises Unauthorized for none, and for two different ones."""
    given = set(asked.headers.getlist("X-API-Key"))
    authorization = asked.headers.get("Authorization", "")
    if authorization.lower().startswith(_BEARER):
        given.add(authorization[len(_BEARER) :].strip())
    if not given:
        raise Unauthorized("a key is needed: X-API-Key, or Authorization: Bearer")
    if len(given) > 1:
        raise Unauthorized("two different keys are given; send one")
    return given.pop()


def _local(asked: Request) -> Caller:
    """Raises Forbidden for another machine, another name (DNS rebinding), another page (CSRF)."""
    if asked.remote_addr and not is_loopback(asked.remote_addr):
        raise Forbidden("without keys only this machine may ask; set KENAL_AUTH=required")
    if not _is_local_host(asked.headers.get("Host", "")):
        raise Forbidden("without keys the Host must be localhost or a loopback address")
    if asked.method not in _SAFE_METHODS and _is_from_foreign_page(asked):
        raise Forbidden("without keys no page of another site may change anything")
    return LOCAL


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
