"""What a photo costs each network, in milliseconds of this machine."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from core.errors import KenalError
from core.files import read_regular
from core.types import Face
from evaluation.datasets.dataset import Picture
from evaluation.embedding import Limits
from pipeline.analyzer import Analyzer
from pipeline.images.decode import Photo, decode

MOST_PHOTOS = 20


@dataclass(frozen=True, slots=True)
class Speed:
    """Medians over `photos`: decoding and finding faces, which all networks share, and embedding
    one face.
    """

    photos: int
    decode_ms: float
    detect_ms: float
    embed_ms: float


def speeds(
    analyzers: Mapping[str, Analyzer], pictures: Sequence[Picture], limits: Limits
) -> dict[str, Speed]:
    """Each network's speed on some of these usable photos; none where there is no photo.

    The networks take turns at every photo, so that whatever else the machine does hits all.
    """
    step = max(1, len(pictures) // MOST_PHOTOS)
    finder = next(iter(analyzers.values()))
    shared: list[tuple[float, float]] = []
    embedded: dict[str, list[float]] = {name: [] for name in analyzers}
    for picture in pictures[::step][:MOST_PHOTOS]:
        with suppress(KenalError):  # It changed since it was measured: another tells as much.
            data, _ = read_regular(picture.path, limits.max_bytes)
            began = time.perf_counter()
            photo = decode(data, limits.max_pixels)
            decoded = time.perf_counter()
            faces = finder.detect(photo).usable[:1]
            found = time.perf_counter()
            if faces:
                seconds = {name: _seconds(one, photo, faces) for name, one in analyzers.items()}
                shared.append((decoded - began, found - decoded))
                for name, took in seconds.items():
                    embedded[name].append(took)
    if not shared:
        return {}
    decode_ms, detect_ms = (float(np.median(part)) * 1000 for part in zip(*shared, strict=True))
    return {
        name: Speed(len(shared), decode_ms, detect_ms, float(np.median(times)) * 1000)
        for name, times in embedded.items()
    }


def _seconds(analyzer: Analyzer, photo: Photo, faces: Sequence[Face]) -> float:
    analyzer.embed(photo, faces)  # the first one after another network's is slower
    began = time.perf_counter()
    analyzer.embed(photo, faces)
    return time.perf_counter() - began
