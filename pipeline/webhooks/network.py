"""Connections that go only where they may, and end in time.

The name is resolved here, every one of its addresses is checked, and the connection goes to one of
these very addresses: what the name means a moment later does not matter. TLS still asks for the
name and checks the certificate against it.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterable
from ipaddress import ip_address

import httpcore
from httpcore import SOCKET_OPTION

from pipeline.webhooks.addresses import Address, may_reach

_MOST_TRIED = 4


class Refused(Exception):
    """A webhook may not go there; the text says why, in our words."""


class Unresolved(Exception):
    """The name leads nowhere, or nobody said where in time."""


class Deadline:
    """So long everything together may take."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self, share: int = 1) -> float:
        """The seconds that are left, or a part of them; never 0, which would mean no wait."""
        return max((self._end - time.monotonic()) / share, 0.001)

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._end


def resolve(host: str, port: int, private: bool, seconds: float) -> list[Address]:
    """The addresses of `host`, all of them allowed; raises Refused or Unresolved."""
    found = _look_up(host, port, seconds)
    if not found:
        raise Unresolved("the host name cannot be resolved")
    if not all(may_reach(address, private) for address in found):
        raise Refused("the host has an address that webhooks may not go to")
    return found


class GuardedBackend(httpcore.NetworkBackend):
    """Connects as above; every step ends at the deadline."""

    def __init__(self, private: bool, deadline: Deadline) -> None:
        self._private = private
        self._deadline = deadline
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Raises Refused and Unresolved beside what httpcore raises."""
        del timeout
        found = resolve(host, port, self._private, self._deadline.left())[:_MOST_TRIED]
        for position, address in enumerate(found):
            share = len(found) - position
            try:
                stream = self._plain.connect_tcp(
                    str(address), port, self._deadline.left(share), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if share == 1:
                    raise
            else:
                return _EndingStream(stream, self._deadline)
        raise AssertionError("there is one address at least")


class _EndingStream(httpcore.NetworkStream):
    """A stream whose every step ends at the deadline, however many steps there are."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        del timeout
        if self._deadline.is_over:
            raise httpcore.ReadTimeout
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout
        if self._deadline.is_over:
            raise httpcore.WriteTimeout
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        del timeout
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left())
        return _EndingStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _look_up(host: str, port: int, seconds: float) -> list[Address]:
    """Each address once, in the resolver's order; in a thread, since it knows no time limit."""
    found: list[Address] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        found.extend(dict.fromkeys(ip_address(answer[4][0]) for answer in answers))

    thread = threading.Thread(target=ask, name="resolve", daemon=True)
    thread.start()
    thread.join(seconds)
    # A copy: a late answer must not come between the check and the connection.
    return list(found)
