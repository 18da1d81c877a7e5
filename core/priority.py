"""Leaving the machine to others."""

import contextlib
import os
import threading


def step_back(nice: int) -> None:
    """Give this thread, and those that it starts, the priority `nice`, 0 to 19, the last of all.

    Where a system knows no such thing, nothing changes.
    """
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
