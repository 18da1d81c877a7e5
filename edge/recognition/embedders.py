"""Faces as vectors: MobileFaceNet, or a network that a manifest describes."""

import hashlib
import threading
from pathlib import Path
from typing import Protocol

import numpy as np

from edge.embedding import MOBILEFACENET_SHA256, MOBILEFACENET_THRESHOLD
from edge.recognition.cropping import mirrored, network_input
from edge.recognition.manifest import ARCFACE, Input, Manifest, NetworkError, read_manifest
from edge.recognition.network import Network, Vector, unit
from edge.recognition.runtimes import Run, onnx_run, tflite_run
from edge.types import Face, Pixels

_MOST_BYTES = 512 << 20
_SAME = 0.99
_NORMAL = Input(112, "nchw", "rgb", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), ARCFACE)


class Embedder(Protocol):
    """Turns faces into vectors of one network."""

    @property
    def network(self) -> Network:
        """Whose vectors they are."""

    def embed(self, image: Pixels, face: Face) -> Vector:
        """The face of a BGR picture as a unit vector; zeros where there is none to be had."""


class NetworkEmbedder:
    """A network and how faces are given to it; thread-safe."""

    def __init__(self, manifest: Manifest, run: Run) -> None:
        """Raises NetworkError where the network gives something else than the manifest says."""
        self._manifest, self._run, self._lock = manifest, run, threading.Lock()
        self._network = manifest.network
        self._check()

    @property
    def network(self) -> Network:
        return self._network

    def embed(self, image: Pixels, face: Face) -> Vector:
        batch = network_input(image, face, self._manifest.input)
        vector = None if batch is None else self._vector(batch)
        return np.zeros(self._network.dimensions, np.float32) if vector is None else vector

    def _vector(self, batch: Vector) -> Vector | None:
        with self._lock:
            vector = np.array(self._run(batch), np.float32)
            if self._manifest.mirror:
                vector = vector + self._run(mirrored(batch, self._manifest.input))
        return unit(vector, self._network.dimensions)

    def _check(self) -> None:
        given = self._manifest.input
        shape = (1, given.side_px, given.side_px, 3)
        if given.layout == "nchw":
            shape = (1, 3, given.side_px, given.side_px)
        try:
            flat = self._vector(np.ones(shape, np.float32))
            noise = np.random.default_rng(0).normal(size=shape).astype(np.float32)
            vector = self._vector(noise)
        except Exception:  # noqa: BLE001 - every library has errors of its own
            raise NetworkError("the network does not take the manifest's input") from None
        if vector is None or flat is None:
            raise NetworkError(f"the network does not give {self._network.dimensions} numbers")
        if float(vector @ flat) > _SAME:
            raise NetworkError("the network gives the same whatever it sees: is it trained?")


def embedder_of(place: Path) -> Embedder:
    """MobileFaceNet's .onnx, or the network of a manifest (.toml, .json); raises NetworkError."""
    if place.suffix.lower() in (".toml", ".json"):
        manifest = read_manifest(place)
        return _loaded(manifest, place.parent / manifest.file)
    (sha256,) = MOBILEFACENET_SHA256
    manifest = Manifest(
        "mobilefacenet", place.name, sha256, _NORMAL, 128, MOBILEFACENET_THRESHOLD, mirror=True
    )
    return _loaded(manifest, place)


def _loaded(manifest: Manifest, place: Path) -> Embedder:
    try:
        if place.stat().st_size > _MOST_BYTES:
            raise NetworkError("the network's file is far too large")
        content = place.read_bytes()
    except OSError:
        raise NetworkError("the network's file cannot be read") from None
    if hashlib.sha256(content).hexdigest() != manifest.sha256:
        raise NetworkError(
            f"the network's file is not {manifest.title}: load it again, or give a manifest"
        )
    run = tflite_run(content) if place.suffix.lower() == ".tflite" else onnx_run(content)
    return NetworkEmbedder(manifest, run)
