"""Who may ask: the one place that lets a request in.

Without keys (KENAL_AUTH=off) only this machine may: a page in a browser here, too, can reach a
loopback address, so foreign names and foreign pages are refused.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NoReturn, cast
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, g, request

from api import request_ids
from api.contract.operation import OPEN, operation_of
from api.limits import Limits, limits_of
from core.access import LOCAL, Caller, Scope
from core.addresses import is_loopback
from core.errors import Forbidden, Unauthorized
from core.settings import Auth, Settings
from db.session import Database
from pipeline.key_check import KeyCheck
from pipeline.notes import Notes

_SAFE_METHODS = frozenset(["GET", "HEAD", "OPTIONS"])
_BEARER = "bearer "
_FROM = ("X-Forwarded-For", "X-Real-IP")
_NOTES = "kenal_notes"
Who = Callable[[Request, bool], Caller | None]
"""Whoever sends a request; None where it is open to all and nobody needs to be known."""
_ACTION = 64
# It costs nothing, and a process that does not answer it is taken for dead.
_UNCOUNTED = "health.healthz"


def register(app: Flask, settings: Settings, database: Database) -> None:
    """Check every request before anything else looks at it."""
    notes = app.extensions[_NOTES] = Notes(database)
    if settings.auth is Auth.OFF:
        who: Who = _local
    else:
        who = _by_key(KeyCheck(database, notes), limits_of(settings))

    @app.before_request
    def authorize() -> None:
        declared = operation_of(current_app, request.endpoint)
        is_open = declared is not None and declared.scopes == OPEN
        found = who(request, is_open)
        if found is None:
            return
        g.caller = found
        # What declares nothing is nobody's but an admin's.
        wanted = declared.scopes if declared else frozenset([Scope.ADMIN])
        if request.endpoint is not None and not is_open and not found.may(wanted):
            refuse("this key may not do that", {"scopes": sorted(wanted)})

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


def refuse(message: str, details: Mapping[str, object] | None = None) -> NoReturn:
    """Raises Forbidden for what the caller may not, and has it noted in the audit."""
    # A key that tries what it may not is worth an admin's look; a missing one is only noise.
    notes = cast(Notes, current_app.extensions[_NOTES])
    action = f"{request.method} {request.url_rule}"[:_ACTION]
    notes.refused(caller(), action, request_ids.current())
    raise Forbidden(message, details)


def _by_key(check: KeyCheck, limits: Limits) -> Who:
    def who(asked: Request, is_open: bool) -> Caller | None:
        """Raises RateLimited, in place of Unauthorized too, for whoever asks too much."""
        if is_open:
            if asked.endpoint != _UNCOUNTED:
                limits.count_address(asked.remote_addr)
            return None
        try:
            found = check.caller(_given_key(asked), asked.remote_addr)
        except Unauthorized:
            # Only those without a valid key: others behind the same address are not held back.
            limits.count_address(asked.remote_addr)
            raise
        limits.count_key(found)
        return found

    return who


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


def _local(asked: Request, is_open: bool) -> Caller:
    """Raises Forbidden for another machine, another name (DNS rebinding), another page (CSRF)."""
    del is_open
    if (asked.remote_addr and not is_loopback(asked.remote_addr)) or _is_passed_on(asked):
        raise Forbidden("without keys only this machine may ask; set KENAL_AUTH=required")
    if not _is_local_host(asked.headers.get("Host", "")):
        raise Forbidden("without keys the Host must be localhost or a loopback address")
    if asked.method not in _SAFE_METHODS and _is_from_foreign_page(asked):
        raise Forbidden("without keys no page of another site may change anything")
    return LOCAL


def _is_passed_on(asked: Request) -> bool:
    """Whether a proxy here says that it asks for another machine.

    Many send their own address as the Host, so that the name does not tell.
    """
    said = (value for name in _FROM for value in asked.headers.getlist(name))
    addresses = (part.strip() for value in said for part in value.split(","))
    return "Forwarded" in asked.headers or not all(map(is_loopback, addresses))


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
