"""From a registry entry to the object that does its work; nothing is loaded here."""

from pathlib import Path

from core.errors import InvalidParameter
from core.settings import Settings
from pipeline.detection.detector import Detector, PaddedSecondTry
from pipeline.detection.mtcnn import MtcnnDetector
from pipeline.embedders.dlib_resnet import DlibEmbedder
from pipeline.embedders.embedder import Embedder
from pipeline.embedders.onnx_embedder import OnnxEmbedder
from pipeline.models.entry import ModelEntry, Role
from pipeline.models.prepared import network_file, network_files
from pipeline.models.registry import DLIB, MTCNN


def build_detector(settings: Settings) -> Detector:
    """MTCNN, not loaded, with the second look for faces that fill the frame."""
    mtcnn = MtcnnDetector(
        lambda: network_files(MTCNN, settings.models_path), device=settings.device
    )
    return PaddedSecondTry(mtcnn)


def build_embedder(entry: ModelEntry, settings: Settings) -> Embedder:
    """The embedder of `entry`, not loaded; raises InvalidParameter where it is none."""
    if entry.role is not Role.EMBEDDER:
        raise InvalidParameter(f"{entry.id} finds faces and embeds none")

    def locate() -> tuple[Path, str]:
        return network_file(entry, settings.models_path)

    if entry.id == DLIB.id:
        return DlibEmbedder(entry, locate, device=settings.device)
    return OnnxEmbedder(entry, locate, device=settings.device)
