"""One attempt to deliver: a POST, no redirects, no proxies, ten seconds for everything."""

import contextlib
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import httpcore

from core.errors import InvalidParameter
from pipeline.webhooks.network import Deadline, GuardedBackend, Refused, Unresolved
from pipeline.webhooks.urls import parse, port_of

ATTEMPT_SECONDS = 10.0
_READ_BYTES = 4096
_HEADERS = {
    "User-Agent": "Kenal-Webhooks/1",
    "Content-Type": "application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said: its status, or `error` in our words where it said nothing."""

    status: int | None = None
    error: str | None = None
    retry_after: str | None = None

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def post(
    url: str, headers: Mapping[str, str], body: bytes, context: ssl.SSLContext, private: bool
) -> Answer:
    """Send; never raises for what the receiver, the network or the address do."""
    try:
        return _post(url, headers, body, context, private)
    except (Refused, Unresolved) as error:
        return Answer(error=str(error))
    except InvalidParameter as error:
        return Answer(error=error.message)
    except httpcore.ConnectError as error:
        return Answer(error=_connect_problem(error))
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        return Answer(error=_problem(error))


def _post(
    url: str, headers: Mapping[str, str], body: bytes, context: ssl.SSLContext, private: bool
) -> Answer:
    parsed = parse(url)
    backend = GuardedBackend(private, Deadline(ATTEMPT_SECONDS))
    target = httpcore.URL(
        scheme=parsed.raw_scheme,
        host=parsed.raw_host,
        port=port_of(parsed),
        target=parsed.raw_path,
    )
    sent = {"Host": parsed.netloc.decode("ascii"), **_HEADERS, **headers}
    # A connection of its own for each attempt: the address is checked again each time.
    with (
        httpcore.ConnectionPool(ssl_context=context, network_backend=backend) as pool,
        pool.stream("POST", target, headers=list(sent.items()), content=body) as response,
    ):
        _read_a_little(response)
        return _answer(response)


def _read_a_little(response: httpcore.Response) -> None:
    """Some of the body, so that the receiver can end its answer; what it says there is ignored."""
    taken = 0
    with contextlib.suppress(
        httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError
    ):
        for piece in response.iter_stream():
            taken += len(piece)
            if taken >= _READ_BYTES:
                break


def _answer(response: httpcore.Response) -> Answer:
    status = response.status
    given = {name.lower(): value for name, value in response.headers}
    later = given[b"retry-after"].decode("ascii", "replace") if b"retry-after" in given else None
    if 200 <= status < 300:
        return Answer(status)
    if 300 <= status < 400:
        return Answer(status, f"the receiver answered {status}; redirects are not followed")
    is_pause = status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
    return Answer(status, f"the receiver answered {status}", later if is_pause else None)


def _connect_problem(error: httpcore.ConnectError) -> str:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate was not accepted: {cause.verify_message}"[:256]
    if isinstance(cause, ssl.SSLError):
        return "no secure connection could be made"
    if isinstance(cause, OSError) and cause.errno is not None:
        return f"no connection: {os.strerror(cause.errno)}"
    return "no connection could be made"


def _problem(error: Exception) -> str:
    if isinstance(error, httpcore.ConnectTimeout):
        return "no connection within 10 seconds"
    if isinstance(error, httpcore.TimeoutException):
        return "no answer within 10 seconds"
    if isinstance(error, httpcore.ProtocolError):
        return "the answer was not HTTP, or ended early"
    return "the connection was lost"
