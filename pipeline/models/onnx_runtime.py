"""ONNX Runtime behind two calls; nothing else of Kenal imports it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import ModelError, ModelUnavailable

Floats = npt.NDArray[np.float32]
Values = npt.NDArray[np.float32] | npt.NDArray[np.uint8]
_ERRORS_ONLY = 3


class OnnxNetwork:
    """A loaded ONNX network with one or more inputs; `run` is safe from many threads."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.inputs: tuple[str, ...] = tuple(item.name for item in session.get_inputs())

    def run(self, values: Values) -> list[Floats]:
        """The outputs for the network's first input; raises ModelError."""
        return self.run_named({self.inputs[0]: values})

    def run_named(self, values: Mapping[str, Values]) -> list[Floats]:
        """The outputs for inputs by name; raises ModelError."""
        try:
            return list(self._session.run(None, dict(values)))
        except Exception as error:
            raise ModelError("the network could not be run on this picture") from error


def open_network(model: Path | bytes, threads: int = 0, many_sizes: bool = False) -> OnnxNetwork:
    """A network from its file or bytes on the CPU, with `threads` threads (0: one a core).

    With `many_sizes`, for inputs that are rarely of the size of the one before, no memory is kept
    or planned for the next run: it would grow with every new size.

    Raises ModelUnavailable where the file cannot be read as a network.
    """
    import onnxruntime  # noqa: PLC0415 - native threads and 100 ms: not before a network is needed

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    options.enable_cpu_mem_arena = options.enable_mem_pattern = not many_sizes
    # Photos come one at a time with pauses: workers that spin in between only steal time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    source = model if isinstance(model, bytes) else str(model)
    try:
        session = onnxruntime.InferenceSession(
            source, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise ModelUnavailable("a network's file cannot be read as an ONNX network") from error
    return OnnxNetwork(session)
