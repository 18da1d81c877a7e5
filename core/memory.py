"""How the C library keeps memory, for processes that decode photos on many threads."""

import ctypes

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_ARENAS = 2
_RETURNED_AT_ONCE_BYTES = 4_000_000


def return_memory() -> None:
    """Have freed memory go back to the system; before threads are started, once a process.

    glibc gives every thread a heap of its own and keeps what was freed in each: with the pictures
    and activations of a dozen threads, a worker's memory doubles over thousands of photos. Does
    nothing with another C library.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    mallopt(_M_ARENA_MAX, _ARENAS)
    mallopt(_M_MMAP_THRESHOLD, _RETURNED_AT_ONCE_BYTES)
