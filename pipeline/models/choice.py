"""What `auto` stands for: FaceNet where its weights can be had, dlib elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass

from core.settings import Settings
from pipeline.models.download import host_of, reachable
from pipeline.models.entry import AUTO, ModelEntry
from pipeline.models.prepared import is_ready
from pipeline.models.registry import DLIB, FACENET
from pipeline.models.weights import has_weights

Probe = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Choice:
    """The embedder to use and the reason, in words fit for a log and for a person."""

    embedder: str
    reason: str


def resolve(settings: Settings, probe: Probe = reachable) -> Choice:
    """The embedder that the settings ask for; takes seconds at most, downloads nothing."""
    if settings.embedder != AUTO:
        return Choice(settings.embedder, "set by KENAL_EMBEDDER")
    return choose(FACENET, settings, probe)


def fallback() -> Choice:
    """What `auto` falls back to where FaceNet turned out not to be had."""
    return Choice(DLIB.id, _fallen_back(FACENET))


def choose(preferred: ModelEntry, settings: Settings, probe: Probe) -> Choice:
    """`preferred` where its weights are here or its host answers `probe`, else dlib."""
    weights = preferred.files[0]
    if is_ready(preferred, settings.models_path):
        return Choice(preferred.id, f"{preferred.title} is prepared")
    if has_weights(settings.models_path, preferred.id, weights):
        return Choice(preferred.id, f"the weights of {preferred.title} are here")
    if weights.url is not None and probe(weights.url):
        host = host_of(weights.url)
        return Choice(preferred.id, f"the weights of {preferred.title} can be fetched from {host}")
    return Choice(DLIB.id, _fallen_back(preferred))


def _fallen_back(preferred: ModelEntry) -> str:
    url = preferred.files[0].url
    where = f"from {host_of(url)}" if url else "from anywhere"
    return (
        f"the weights of {preferred.title} could not be fetched {where}; using dlib, whose weights"
        " come with its package. To switch:"
        f" flask models fetch {preferred.id} --from-file FILE, then"
        f" set KENAL_EMBEDDER={preferred.id} before the first photo is enrolled"
    )
