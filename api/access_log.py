"""One line in the log for every request."""

import logging

from api.exchange import Exchange
from core.logs import log_fields

_log = logging.getLogger(__name__)
# Asked every few seconds by machines, or many times a second.
_QUIET = frozenset(["/healthz", "/readyz", "/metrics", "/stream/frames"])


def log(found: Exchange) -> None:
    """Who asked for what and how it ended: no names of people or files, no key, no values."""
    caller = found.caller
    fields: dict[str, str | int | float | None] = {
        "method": found.method,
        "rule": found.rule,
        "status": found.status,
        "ms": round(found.seconds * 1000, 1),
        "bytes_in": found.bytes_in,
        "key": caller.id if caller else None,
        "key_name": caller.name if caller else None,
        "code": found.code,
    }
    level = logging.DEBUG if found.rule in _QUIET else logging.INFO
    said = {name: value for name, value in fields.items() if value is not None}
    log_fields(_log, level, "answered", said)
