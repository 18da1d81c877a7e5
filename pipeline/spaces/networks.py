"""The networks that devices recognize with, and how they are asked for."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.errors import NetworkNotServed, NotFound, NotReady
from core.settings import Settings
from core.types import EmbeddingSpec
from db import gallery
from db.session import Session
from pipeline.analyzer import BuildAnalyzer
from pipeline.spaces.thresholds import least_similarity


@dataclass(frozen=True, slots=True)
class ServedNetwork:
    """A network whose space devices are given."""

    spec: EmbeddingSpec
    threshold: float

    @property
    def names(self) -> tuple[str, str]:
        """What it may be asked for by: its name, and the SHA-256 of its weights."""
        return self.spec.embedder, self.spec.weights_sha256


class ServedNetworks:
    """The gallery's own network and those of KENAL_DEVICE_NETWORKS; loads none of them."""

    def __init__(self, settings: Settings, build: BuildAnalyzer) -> None:
        self._settings, self._build = settings, build

    def find(self, session: Session, asked: str) -> ServedNetwork:
        """The network of this name or SHA-256.

        Raises NetworkNotServed, and NotReady where no network was chosen for the gallery yet.
        """
        for network in self._all(session):
            if asked in network.names or asked.lower() in network.names:
                return network
        raise NetworkNotServed(
            "this network is not served to devices: see KENAL_DEVICE_NETWORKS",
            {"networks": [network.spec.embedder for network in self._all(session)]},
        )

    def _all(self, session: Session) -> Iterator[ServedNetwork]:
        chosen = gallery.chosen(session)
        if chosen is None:
            raise NotReady("no network is prepared for this gallery; run: flask models prepare")
        own = self._build(chosen.embedder, self._settings)
        yield ServedNetwork(chosen.spec, least_similarity(session, self._settings, own))
        for name in self._settings.device_network_names:
            if name == chosen.embedder:
                continue
            try:
                further = self._build(name, self._settings)
            except NotFound:
                continue  # The watcher says so in the log.
            threshold = least_similarity(session, self._settings, further)
            yield ServedNetwork(further.spec, threshold)
