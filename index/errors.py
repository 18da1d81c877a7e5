"""The one thing that can be wrong with an index on disk."""


class IndexDamaged(Exception):
    """What is on disk cannot be used as it is; the database can rebuild all of it.

    Never shown to a user: its text names a file of the index and what is wrong with it.
    """
