"""A photo's turn in a request: waited for, or refused with the time to come back."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Response, after_this_request

from pipeline.turns import Crowded


@contextmanager
def said_when_to_return() -> Iterator[None]:
    """Give a refusal for lack of a turn the Retry-After that was measured, not the usual one."""
    try:
        yield
    except Crowded as crowded:
        seconds = str(crowded.retry_after_seconds)

        @after_this_request
        def say(response: Response) -> Response:
            response.headers["Retry-After"] = seconds
            return response

        raise
