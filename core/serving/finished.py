"""How the threads tell the loop that a request is finished."""

from gunicorn.workers.gthread import PollableMethodQueue  # type: ignore[import-untyped]


class LastingQueue(PollableMethodQueue):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's, open for as long as the process is.

    A thread that outlasts the loop still says that it is finished. With the descriptor closed,
    its number is soon another file's, and the byte would go into a photo or the database.
    """

    def close(self) -> None:
        """Leave it to the end of the process."""
