"""Networks of your own: an ONNX file and a manifest in MODEL_DIR/<id>/manifest.json."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import ModelUnavailable
from core.types import Similarity
from pipeline.models.entry import FalseMatches, ModelEntry, Role
from pipeline.models.network_input import Alignment, Layout, OnnxInput
from pipeline.models.weights import WeightsFile

MANIFEST_NAME = "manifest.json"
_MOST_MANIFEST_BYTES = 100_000
UNTRAINED = "UNTRAINED:"
"""With this and the reason begins the source of a network that its trainer lets name nobody."""
_RESERVED = frozenset(["facenet", "dlib", "mobilefacenet", "mtcnn", "auto"])
Triple = tuple[float, float, float]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ManifestInput(_Strict):
    """The network's input: RGB or BGR of one size, (value / 255 - mean) / std a channel."""

    side_px: int = Field(ge=16, le=1024)
    layout: Layout
    channels: Literal["rgb", "bgr"] = "rgb"
    mean: Triple = (0.0, 0.0, 0.0)
    std: tuple[
        Annotated[float, Field(gt=0)],
        Annotated[float, Field(gt=0)],
        Annotated[float, Field(gt=0)],
    ] = (1.0, 1.0, 1.0)
    alignment: Alignment
    margin: float = Field(0.0, ge=0, le=1)


class ManifestFalseMatches(_Strict):
    """Comparisons of two people at `default_threshold`, and what the true rate is between."""

    errors: int = Field(ge=0)
    comparisons: int = Field(ge=1)
    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> "ManifestFalseMatches":
        if not (self.errors <= self.comparisons and self.low <= self.high):
            raise ValueError("more errors than comparisons, or low above high")
        return self


class Manifest(_Strict):
    """What Kenal must know of a network before it compares anybody by it."""

    title: str = Field(min_length=1, max_length=200)
    file: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    license: str = Field(min_length=1, max_length=200)
    source: str = Field("", max_length=500)
    error_rates: str = Field("not stated", max_length=1000)
    input: ManifestInput
    dimensions: int = Field(ge=2, le=4096)
    similarity: Similarity
    default_threshold: float = Field(gt=-1, lt=1)
    false_matches: ManifestFalseMatches | None = None
    mirror: bool = False
    unit_length: bool = True
    trained: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _is_trained(cls, given: object) -> object:
        # Before the rest: it has no threshold either, and this is why.
        if isinstance(given, dict) and (given.get("trained") is False or _owns_up(given)):
            why = str(given.get("source", "")).removeprefix(UNTRAINED).strip()
            said = f" ({why})" if _owns_up(given) and why else ""
            raise ValueError(f"an untrained network names people at random{said}")
        return given

    @model_validator(mode="after")
    def _cosine_is_of_unit_length(self) -> "Manifest":
        if self.similarity is Similarity.COSINE and not self.unit_length:
            raise ValueError("cosine similarity is stored at unit length")
        return self


def _owns_up(given: dict[str, object]) -> bool:
    """Whether the trainer's reason of why the network names nobody is still in it."""
    return str(given.get("source", "")).startswith(UNTRAINED)


def custom_ids(models_path: Path) -> list[str]:
    """Names of the folders in `models_path` that hold a manifest."""
    found = models_path.glob(f"*/{MANIFEST_NAME}")
    return sorted(path.parent.name for path in found if path.parent.name not in _RESERVED)


def read_custom(models_path: Path, model_id: str) -> ModelEntry:
    """The network that a manifest describes; raises ModelUnavailable and says what is wrong.

    The file's hash is checked when it is loaded, as with any other network.
    """
    path = models_path / model_id / MANIFEST_NAME
    try:
        text = path.read_bytes()[: _MOST_MANIFEST_BYTES + 1]
        manifest = Manifest.model_validate_json(text)
    except OSError as error:
        raise ModelUnavailable(f"the manifest of {model_id} cannot be read") from error
    except ValidationError as error:
        raise ModelUnavailable(f"the manifest of {model_id}: {_explain(error)}") from None
    return _entry(model_id, manifest)


def _explain(error: ValidationError) -> str:
    return "; ".join(
        ": ".join(filter(None, [".".join(map(str, item["loc"])), _words(item["msg"])]))
        for item in error.errors(include_input=False, include_url=False)
    )


def _words(message: str) -> str:
    return message.removeprefix("Value error, ")


def _entry(model_id: str, manifest: Manifest) -> ModelEntry:
    given = manifest.input
    margin = f"-margin-{given.margin}" if given.alignment is Alignment.MARGIN else ""
    return ModelEntry(
        id=model_id,
        role=Role.EMBEDDER,
        title=manifest.title,
        source=manifest.source,
        license=manifest.license,
        input=f"{given.side_px}x{given.side_px} {given.channels.upper()}",
        files=(WeightsFile(manifest.file, manifest.sha256),),
        error_rates=manifest.error_rates,
        alignment=f"{given.alignment}{margin}/{given.side_px}",
        normalization=_normalization(manifest),
        dimensions=manifest.dimensions,
        similarity=manifest.similarity,
        default_threshold=manifest.default_threshold,
        false_matches=_false_matches(manifest.false_matches),
        pixels=OnnxInput(
            side_px=given.side_px,
            layout=given.layout,
            mean=given.mean,
            std=given.std,
            alignment=given.alignment,
            margin=given.margin,
            bgr=given.channels == "bgr",
        ),
        mirror=manifest.mirror,
        unit_length=manifest.unit_length,
        pinned=False,
    )


def _false_matches(given: ManifestFalseMatches | None) -> FalseMatches | None:
    if given is None:
        return None
    return FalseMatches(given.errors, given.comparisons, given.low, given.high)


def _normalization(manifest: Manifest) -> str:
    given = manifest.input
    parts = [given.channels, f"mean-{given.mean}", f"std-{given.std}"]
    parts += ["mirror-sum"] if manifest.mirror else []
    parts += ["unit"] if manifest.unit_length else ["raw"]
    return "/".join(parts)
