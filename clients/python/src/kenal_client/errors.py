"""What can go wrong, by what to do about it.

KenalError
├── RequestError       the request cannot be served as it stands
├── AccessError        the key is missing, wrong, ended, or may not do this
├── NotFound           no such person, photo, device, check-in or address
├── ConflictError      it contradicts what is stored; what is stored stays
├── PhotoError         another photo, please
├── RateLimited        too many requests
├── ServiceError       Kenal cannot do it now, or failed
├── ConnectionFailed   no answer: whether it was done is not known
├── UnexpectedAnswer   an answer that is not Kenal's: a wrong address, or a proxy's page
└── WebhookRefused     not from Kenal, changed on the way, or too old
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class KenalError(Exception):
    """A refusal or a failure; decide by the class, or by `code`."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        """Kenal's stable code, as docs/api.md lists them; None where Kenal gave none."""
        self.status = status
        """The HTTP status; None where there was no answer."""
        self.retry_after = retry_after
        """Seconds after which it may succeed, where the server said so."""
        self.request_id = request_id
        """The request in Kenal's log: name it when you report a fault."""
        self.details: dict[str, Any] = dict(details or {})

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.code else self.message


class RequestError(KenalError):
    """The request cannot be served as it stands."""


class AccessError(KenalError):
    """The key is missing, wrong, ended, or may not do this."""


class NotFound(KenalError):
    """No such person, photo, device, check-in or address."""


class ConflictError(KenalError):
    """It contradicts what is stored; what is stored stays."""


class PhotoError(KenalError):
    """The photo cannot be used; another one can."""


class RateLimited(KenalError):
    """Too many requests; come back after `retry_after` seconds."""


class ServiceError(KenalError):
    """Kenal cannot do it now, or failed."""


class ConnectionFailed(KenalError):
    """There was no answer: whether it was done is not known."""


class UnexpectedAnswer(KenalError):
    """The answer is not Kenal's: a wrong address, or a proxy's page."""


class WebhookRefused(KenalError):
    """Not from Kenal, changed on the way, or too old."""


_BY_STATUS: Mapping[int, type[KenalError]] = {
    401: AccessError,
    403: AccessError,
    404: NotFound,
    409: ConflictError,
    413: PhotoError,
    415: PhotoError,
    422: PhotoError,
    429: RateLimited,
}
# They have a photo's status, or are about one, and yet the other class says what to do.
_BY_CODE: Mapping[str, type[KenalError]] = {
    "unsupported_media_type": RequestError,
    "empty_file": PhotoError,
}
_SERVER_FAULT = 500


def error_of(status: int, body: object, retry_after: float | None) -> KenalError:
    """The exception for an answer that is no success; `body` is its JSON, None if it has none."""
    said = body.get("error") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(said, dict):
        return _foreign(status, retry_after)
    code, details = str(said.get("code")), said.get("details")
    request_id = body.get("request_id")
    return _class_of(status, code)(
        str(said.get("message")),
        code=code,
        status=status,
        retry_after=retry_after,
        request_id=request_id if isinstance(request_id, str) else None,
        details=details if isinstance(details, dict) else None,
    )


def _foreign(status: int, retry_after: float | None) -> KenalError:
    """Something before Kenal answered: a proxy, or another program."""
    known = _BY_STATUS.get(status) if status not in (413, 415, 422) else None
    kind = known or (ServiceError if status >= _SERVER_FAULT else UnexpectedAnswer)
    return kind(
        f"an answer with status {status} that is not Kenal's",
        status=status,
        retry_after=retry_after,
    )


def _class_of(status: int, code: str) -> type[KenalError]:
    fallback = ServiceError if status >= _SERVER_FAULT else RequestError
    return _BY_CODE.get(code) or _BY_STATUS.get(status, fallback)
