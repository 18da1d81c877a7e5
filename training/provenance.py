"""Where a network comes from, and whether it may name people: beside its Keras file."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import ModelUnavailable
from core.files import sha256_file, write_atomic
from pipeline.models.custom import ManifestInput
from pipeline.models.entry import FalseMatches
from training.held_out import Measured
from training.sealed import seal_of

RECORD, NETWORK = "provenance.json", "network.keras"
LARGEST_EER = 0.4
"""Half is what tossing a coin does: a network that is not clearly better names nobody."""
_LARGEST_THRESHOLD = 0.9999


class HeldOut(BaseModel):
    """The figures of people who took no part in the training."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    people: int
    photos: int
    genuine: int
    impostor: int
    eer: float | None
    fnmr_at_fmr: dict[str, float | None]
    target_fmr: float
    threshold: float | None
    fmr_bound: float | None
    fmr_at_threshold: float | None
    fnmr_at_threshold: float | None

    @classmethod
    def of(cls, found: Measured) -> "HeldOut":
        rates = found.at_threshold()
        return cls(
            people=found.people,
            photos=found.photos,
            genuine=found.scores.genuine.size,
            impostor=found.scores.impostor.size,
            eer=found.eer,
            fnmr_at_fmr={f"{target:g}": value for target, value in found.fnmr_at.items()},
            target_fmr=found.target,
            threshold=found.threshold,
            fmr_bound=found.bound,
            fmr_at_threshold=None if rates is None else rates[0].value,
            fnmr_at_threshold=None if rates is None else rates[1].value,
        )


class Provenance(BaseModel):
    """`trained` says whether the network may name people; `reason` says why not."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    title: str
    license: str
    trained: bool
    reason: str = ""
    how: str
    made_at: str
    people: int = 0
    photos: int = 0
    dataset_sha256: str = ""
    held_out: HeldOut | None = None
    input: ManifestInput
    dimensions: int
    mirror: bool = False
    threshold: float | None = None
    published: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    network_sha256: str = ""
    seal: str = ""

    def error_rates(self) -> str:
        """What was measured, for people who read the manifest."""
        held = self.held_out
        if held is None or held.threshold is None:
            return self.published or "not stated"
        eer = "-" if held.eer is None else f"{100 * held.eer:.2f} %"
        return (
            f"Measured {self.made_at[:10]} on {held.photos} photos of {held.people} people who took"
            f" no part in the training ({held.genuine} pairs of one person, {held.impostor} of"
            f" two): EER {eer}; at the threshold FMR {_percent(held.fmr_at_threshold)} (below"
            f" {100 * held.target_fmr:g} % with 95 % confidence), FNMR"
            f" {_percent(held.fnmr_at_threshold)}. Trained on {self.photos} photos of"
            f" {self.people} people, {self.how}; data {self.dataset_sha256[:16]}."
        )

    def false_matches(self) -> FalseMatches | None:
        """What was measured at the threshold; the true rate is below `high` with 95 % confidence.

        Nothing is said of how low it may be: comparisons of so few people depend on each other.
        """
        held = self.held_out
        if held is None or held.fmr_at_threshold is None or held.fmr_bound is None:
            return None
        errors = round(held.fmr_at_threshold * held.impostor)
        return FalseMatches(errors, held.impostor, low=0.0, high=min(held.fmr_bound, 1.0))


def why_untrained(found: Measured) -> str:
    """Why a network that was trained here may name nobody yet; empty where it may."""
    if found.threshold is None:
        return found.reason
    if found.eer is None or found.eer >= LARGEST_EER:
        shown = "unknown" if found.eer is None else f"{100 * found.eer:.0f} %"
        return f"its EER on held-out people is {shown}: it hardly tells people apart"
    if found.threshold > _LARGEST_THRESHOLD:
        return "no threshold keeps the held-out people apart"
    return ""


def write(folder: Path, given: Provenance) -> None:
    """Written after the network, with its hash."""
    whole = given.model_copy(update={"network_sha256": sha256_file(folder / NETWORK)})
    sealed = whole.model_copy(update={"seal": seal_of(whole)})
    write_atomic(folder / RECORD, sealed.model_dump_json(indent=1).encode())


def read(folder: Path) -> Provenance:
    """Raises ModelUnavailable where there is none, or the network is another one."""
    try:
        found = Provenance.model_validate_json((folder / RECORD).read_bytes())
        is_same = sha256_file(folder / NETWORK) == found.network_sha256
    except OSError:
        raise ModelUnavailable(
            "network.keras and provenance.json are not there: build-mobilenet makes them"
        ) from None
    except ValidationError:
        raise ModelUnavailable("provenance.json cannot be read") from None
    if found.seal != seal_of(found):
        raise ModelUnavailable("provenance.json is not as it was written: build the network anew")
    if not is_same:
        raise ModelUnavailable("network.keras is not the one that provenance.json tells of")
    return found


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"
