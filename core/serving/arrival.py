"""How much of a request is there: enough for a thread to work on, or not yet."""

import re
import time

_HEAD_SECONDS = 10.0
_BODY_SECONDS = 20.0
_MOST_HEAD_BYTES = 64_000
_BEGINNING_BYTES = 64_000
_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r\n", re.IGNORECASE)
# The body is sent only after an answer, or how long it will be is not known.
_UNKNOWN = re.compile(rb"\r\n(?:expect|transfer-encoding):", re.IGNORECASE)
_ANY_LENGTH = re.compile(rb"\r\ncontent-length", re.IGNORECASE)


class Arrival:
    """The first bytes of a request: its head, and its body or the beginning of that.

    Whoever sends them slowly waits without a thread. What they mean is for the parser to say:
    here only their length counts. A body above `most_bytes` is not waited for: it is refused.
    """

    def __init__(self, data: bytes, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self.data = bytearray(data)
        self.ends_at = time.monotonic() + _HEAD_SECONDS
        self._head: int | None = None
        self._body: int | None = 0

    def add(self, data: bytes) -> None:
        self.data += data

    def hurry(self, ends_at: float) -> None:
        """The head must be there by then; a body of which that is known keeps its time."""
        if not self.has_head:
            self.ends_at = min(self.ends_at, ends_at)

    @property
    def has_head(self) -> bool:
        return self._head is not None

    @property
    def is_enough(self) -> bool:
        """Whether a thread can begin: it is answered or refused, or most of it comes fast."""
        self._look()
        if self._head is None:
            return len(self.data) > _MOST_HEAD_BYTES
        if self._body is None or self._body > self._most_bytes:
            return True
        return len(self.data) - self._head >= min(self._body, _BEGINNING_BYTES)

    @property
    def is_whole(self) -> bool:
        """Whether nothing more has to come: the thread will not wait for the client."""
        self._look()
        if self._head is None or self._body is None:
            return False
        return len(self.data) - self._head >= self._body

    def _look(self) -> None:
        if self._head is not None:
            return
        found = self.data.find(_END)
        if found >= 0:
            self._head = found + len(_END)
            head = bytes(self.data[: self._head])
            length = _LENGTH.search(head)
            self._body = int(length[1]) if length else 0
            # A length that is not understood here may still be one to the parser.
            if _UNKNOWN.search(head) or (length is None and _ANY_LENGTH.search(head)):
                self._body = None
            if self._body:
                self.ends_at += _BODY_SECONDS - _HEAD_SECONDS
