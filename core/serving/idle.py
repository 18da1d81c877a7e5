"""Connections that were answered and wait for another request: which of them must go."""

import socket
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar


class Idle(Protocol):
    """May stay until `timeout`, of the monotonic clock."""

    @property
    def timeout(self) -> float: ...


_Kept = TypeVar("_Kept", bound=Idle)


def who_must_go(
    idle: Iterable[_Kept], now: float, lacking: int, asks: Callable[[_Kept], bool]
) -> list[_Kept]:
    """Whose time is over, and others until `lacking` places are free; `idle` longest idle first.

    Nobody who asks: that request would be lost, and the client could not know whether it was.
    """
    going: list[_Kept] = []
    for one in idle:
        if one.timeout > now and len(going) >= lacking:
            break
        if not asks(one):
            going.append(one)
    return going


def has_data(sock: socket.socket) -> bool:
    """Whether something has come that nobody has read."""
    try:
        return bool(sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        return False
