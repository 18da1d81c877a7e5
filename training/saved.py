"""A trained classifier as files: the head, the centroids, and what must be known of both."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import ModelUnavailable
from core.files import sha256_file, write_atomic
from core.types import Matrix
from training.keras_here import keras, quiet
from training.sealed import seal_of

RECORD, HEAD, CENTROIDS = "model.json", "head.keras", "centroids.npy"


class Record(BaseModel):
    """What `predict` needs, and where the model comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: str = Field("kenal-classifier-1", pattern="^kenal-classifier-1$")
    embedder: str
    space: str
    dimensions: int
    people: tuple[str, ...]
    sign: str
    threshold: float
    target: float
    is_threshold_shown: bool
    fold: int
    folds: int
    accuracy_of_fold: float
    accuracy_of_all: float
    photos: int
    augmentation: str
    dataset_sha256: str
    trained_at: str
    versions: dict[str, str]
    sha256s: dict[str, str] = Field(default_factory=dict)
    seal: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    record: Record
    head: Any
    middles: Matrix


def save(folder: Path, record: Record, head: Any, middles: Matrix) -> None:
    """Write the model into `folder`; the record last, with the files' hashes."""
    folder.mkdir(parents=True, exist_ok=True)
    head.save(folder / HEAD)
    stream = io.BytesIO()
    np.save(stream, middles, allow_pickle=False)
    write_atomic(folder / CENTROIDS, stream.getvalue())
    hashes = {name: sha256_file(folder / name) for name in (HEAD, CENTROIDS)}
    whole = record.model_copy(update={"sha256s": hashes})
    sealed = whole.model_copy(update={"seal": seal_of(whole)})
    write_atomic(folder / RECORD, json.dumps(sealed.model_dump(), indent=1).encode())


def load(folder: Path) -> Classifier:
    """The model of a folder; raises ModelUnavailable where it is none, or its files are others."""
    try:
        record = Record.model_validate_json((folder / RECORD).read_bytes())
        _check(folder, record, (HEAD, CENTROIDS))
        middles = np.load(folder / CENTROIDS, allow_pickle=False)
    except OSError:
        raise ModelUnavailable("no trained classifier is there: model.json is missing") from None
    except (ValidationError, ValueError):
        raise ModelUnavailable("the trained classifier's files cannot be read") from None
    with quiet():
        head = keras().models.load_model(folder / HEAD, compile=False)
    return Classifier(record, head, np.asarray(middles, np.float32))


def _check(folder: Path, record: Record, names: Sequence[str]) -> None:
    # The order of its names is whose each of the head's answers is.
    if record.seal != seal_of(record):
        raise ModelUnavailable("model.json is not as it was written: train the classifier anew")
    for name in names:
        if sha256_file(folder / name) != record.sha256s.get(name):
            raise ModelUnavailable(f"{name} is not the file that was trained (wrong SHA-256)")
