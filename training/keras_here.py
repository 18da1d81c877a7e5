"""TensorFlow and Keras, imported when a training needs them and quieter than they come."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from io import StringIO
from typing import Any

from core.errors import NotReady


@contextmanager
def quiet() -> Iterator[None]:
    """Without what TensorFlow's native code writes to the standard error of its own accord.

    Errors are raised as ever.
    """
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        with redirect_stdout(StringIO()):
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def keras() -> Any:
    """Keras on TensorFlow; raises NotReady where it is not installed."""
    return _imported("keras")


def tensorflow() -> Any:
    """TensorFlow; raises NotReady where it is not installed."""
    return _imported("tensorflow")


def _imported(name: str) -> Any:
    try:
        with quiet():
            tf = import_module("tensorflow")
            tf.get_logger().setLevel("ERROR")
            tf.config.list_logical_devices()  # where it complains of what is not there
            return import_module(name)
    except ImportError as error:
        raise NotReady("training needs TensorFlow: pip install -r requirements.txt") from error
