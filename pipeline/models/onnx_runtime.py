"""ONNX Runtime behind two calls; nothing else of Kenal imports it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import ModelError, ModelUnavailable
from core.settings import Device

Floats = npt.NDArray[np.float32]
Values = npt.NDArray[np.float32] | npt.NDArray[np.uint8]
_ERRORS_ONLY = 3
OPTIMIZATION = "all"
"""How far graphs are optimized: with layouts made for the processor at hand."""
_FREE_SIDE_PX = 48
_PROBE_FACTOR, _PROBE_SHIFT = np.uint32(2654435761), np.uint32(24)
_CPU = "CPUExecutionProvider"
_PROVIDERS: Mapping[Device, list[str]] = MappingProxyType(
    {Device.CPU: [_CPU], Device.CUDA: ["CUDAExecutionProvider", _CPU]}
)


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

    def run_probe(self) -> list[Floats]:
        """The outputs for one made-up picture, always the same one; raises ModelError."""
        return self.run_named({item.name: _probe(item) for item in self._session.get_inputs()})


def open_network(
    model: Path | bytes,
    threads: int = 0,
    many_sizes: bool = False,
    device: Device = Device.CPU,
    as_it_is: bool = False,
) -> OnnxNetwork:
    """A network from its file or bytes, on the CPU with `threads` threads (0: one a core).

    With `many_sizes`, for inputs that are rarely of the size of the one before, no memory is kept
    or planned for the next run: it would grow with every new size. With `as_it_is` the graph is
    not optimized, or not once more.

    Raises ModelUnavailable where the file cannot be read as a network, or the device is not there.
    """
    import onnxruntime  # noqa: PLC0415 - native threads and 100 ms: not before a network is needed

    _check_device(device, onnxruntime.get_available_providers())
    options = _options(threads)
    options.enable_cpu_mem_arena = options.enable_mem_pattern = not many_sizes
    if as_it_is:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = _session(model, options, device)
    # ONNX Runtime goes on without a GPU that does not work: never unnoticed here.
    _check_device(device, session.get_providers()[:1])
    return OnnxNetwork(session)


def save_optimized(model: Path, target: Path) -> None:
    """Write the network's graph as it is optimized for this processor; raises ModelUnavailable."""
    options = _options(threads=0)
    options.optimized_model_filepath = str(target)
    _session(model, options, Device.CPU)


def runtime_version() -> str:
    """The version of ONNX Runtime, which decides what an optimized graph holds."""
    import onnxruntime  # noqa: PLC0415 - as above

    return str(onnxruntime.__version__)


def _options(threads: int) -> Any:
    import onnxruntime  # noqa: PLC0415 - as above

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Photos come one at a time with pauses: workers that spin in between only steal time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _session(model: Path | bytes, options: Any, device: Device) -> Any:
    import onnxruntime  # noqa: PLC0415 - as above

    source = model if isinstance(model, bytes) else str(model)
    try:
        return onnxruntime.InferenceSession(
            source, sess_options=options, providers=_PROVIDERS[device]
        )
    except Exception as error:
        raise ModelUnavailable("a network's file cannot be read as an ONNX network") from error


def _probe(wanted: Any) -> Values:
    """Values spread over an input's range, by integers alone: the same with every library."""
    first, *rest = wanted.shape
    sides = [side if isinstance(side, int) else _FREE_SIDE_PX for side in rest]
    shape = (first if isinstance(first, int) else 1, *sides)
    numbers = np.arange(np.prod(shape), dtype=np.uint32) * _PROBE_FACTOR >> _PROBE_SHIFT
    pixels = numbers.astype(np.uint8).reshape(shape)
    if wanted.type == "tensor(uint8)":
        return pixels
    return (pixels.astype(np.float32) - 127.5) / 127.5


def _check_device(device: Device, providers: Sequence[str]) -> None:
    if _PROVIDERS[device][0] not in providers:
        raise ModelUnavailable(
            f"KENAL_DEVICE={device} cannot be used: it needs the package onnxruntime-gpu in place"
            " of onnxruntime, an NVIDIA driver and CUDA's libraries"
        )
