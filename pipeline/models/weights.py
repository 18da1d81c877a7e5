"""Files of weights: where they lie, and that they are the pinned ones."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from core.errors import ModelUnavailable
from core.files import sha256_file


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One pinned file: downloaded from `url`, or carried by the Python `package` at `name`."""

    name: str
    sha256: str
    url: str | None = None
    package: str | None = None


def model_file(models_path: Path, model_id: str, file: WeightsFile) -> Path:
    """Where `file` of a network lies, whether it is there or not; raises as packaged_path does."""
    return packaged_path(file) if file.package else models_path / model_id / file.name


def packaged_path(file: WeightsFile) -> Path:
    """Where `file` lies inside its installed package, which is not imported for that.

    Raises ModelUnavailable where the package is not installed.
    """
    spec = importlib.util.find_spec(file.package) if file.package else None
    if spec is None or spec.origin is None:
        raise ModelUnavailable(f"the package {file.package} with the network is not installed")
    return Path(spec.origin).parent / file.name


def check_weights(path: Path, sha256: str, title: str) -> None:
    """Raises ModelUnavailable where the file of `title` is missing or is another one."""
    try:
        found = sha256_file(path)
    except OSError as error:
        raise ModelUnavailable(f"the weights of {title} are not there or cannot be read") from error
    if found != sha256:
        raise ModelUnavailable(f"the weights of {title} are not the pinned ones (wrong SHA-256)")


def checked_weights_path(file: WeightsFile, title: str) -> Path:
    """Where a packaged file lies, once its hash is checked; raises ModelUnavailable."""
    path = packaged_path(file)
    check_weights(path, file.sha256, title)
    return path


def has_weights(models_path: Path, model_id: str, file: WeightsFile) -> bool:
    """Whether a file is in its place, right or wrong: its hash is checked when it is loaded."""
    try:
        return model_file(models_path, model_id, file).is_file()
    except ModelUnavailable:
        return False
