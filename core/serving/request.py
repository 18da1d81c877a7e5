"""A request as gunicorn reads it, and what is left of its body when it is answered."""

import errno

from gunicorn.http.body import ChunkedReader, LengthReader  # type: ignore[import-untyped]
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from gunicorn.http.message import Request  # type: ignore[import-untyped]

_MOST_LEFT_BYTES = 64_000
"""A little less than gunicorn reads away after an answer, before it closes the connection."""


class Reader:
    """Reads a body as gunicorn's does; one that is no HTTP ends like one whose client left.

    The application knows the one, and answers 400; of the other it would know nothing.
    """

    def __init__(self, plain: LengthReader | ChunkedReader) -> None:
        self._plain = plain

    def read(self, size: int) -> bytes:
        """Raises ConnectionResetError for a body that is malformed."""
        try:
            return bytes(self._plain.read(size))
        except ParseException:
            raise ConnectionResetError(errno.ECONNRESET, "the body is malformed") from None

    @property
    def leaves_much(self) -> bool:
        """Whether more may still come than is read away; of chunks nobody knows how much."""
        if isinstance(self._plain, LengthReader):
            return bool(self._plain.length > _MOST_LEFT_BYTES)
        return self._plain.parser is not None


class PatientRequest(Request):  # type: ignore[misc]  # gunicorn has no types
    """A request whose answer says so where the connection cannot be kept after it.

    gunicorn says that it is kept, and closes it when a refused photo is too large to be read
    away: the next request on it is lost.
    """

    def set_body_reader(self) -> None:
        super().set_body_reader()
        self.body.reader = Reader(self.body.reader)

    def should_close(self) -> bool:
        """Asked first for the head of the answer; what that says, it stays."""
        if self.body.failed or self.body.reader.leaves_much:
            self.force_close()
        return bool(super().should_close())
