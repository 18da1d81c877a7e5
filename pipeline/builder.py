"""From a registry entry to the object that does its work; nothing is loaded here."""

from core.errors import InvalidParameter
from core.settings import Settings
from pipeline.detection.detector import Detector, PaddedSecondTry
from pipeline.detection.mtcnn import MtcnnDetector
from pipeline.embedders.dlib_resnet import DlibEmbedder
from pipeline.embedders.embedder import Embedder
from pipeline.embedders.onnx_embedder import OnnxEmbedder
from pipeline.models.entry import ModelEntry, Role
from pipeline.models.prepared import network_file
from pipeline.models.registry import DLIB, MTCNN


def build_detector(least_face_px: int) -> Detector:
    """MTCNN for faces of that width, with the second look for faces that fill the frame."""
    return PaddedSecondTry(MtcnnDetector(MTCNN.files, least_face_px))


def build_embedder(entry: ModelEntry, settings: Settings) -> Embedder:
    """The embedder of `entry`, not loaded; raises InvalidParameter where it is none."""
    if entry.role is not Role.EMBEDDER:
        raise InvalidParameter(f"{entry.id} finds faces and embeds none")
    if entry.id == DLIB.id:
        return DlibEmbedder(entry)
    return OnnxEmbedder(entry, lambda: network_file(entry, settings.models_path))
