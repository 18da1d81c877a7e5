"""Banners that native libraries write straight to standard error while they are imported."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2
_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# Informational lines of absl, which TensorFlow logs by; no setting of it silences the first ones.
_BANNERS = (
    b"I0000 ",
    b"WARNING: All log messages before absl::InitializeLog()",
    b"To enable the following instructions",
)


def silence_tensorflow() -> None:
    """Before TensorFlow is imported: no line for a machine without GPU, or a photo without face."""
    # For the library's C++ side alone, which reads it once; Kenal's settings are elsewhere.
    os.putenv(_LOG_LEVEL, "3")


@contextmanager
def without_banners() -> Iterator[None]:
    """Hold back standard error meanwhile, then write what was no banner; once, at a first load."""
    sys.stderr.flush()
    kept = os.dup(_STDERR)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), _STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, _STDERR)
            os.close(kept)
            held.seek(0)
            rest = b"".join(line for line in held if not line.startswith(_BANNERS))
            os.write(_STDERR, rest)
