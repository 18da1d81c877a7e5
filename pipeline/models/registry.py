"""The networks Kenal knows, each pinned: source, hash, license, input, threshold, error rates."""

from collections.abc import Mapping
from types import MappingProxyType

from core.errors import NotFound
from core.settings import Settings
from core.types import Similarity
from pipeline.embedders.align import ARCFACE_SIDE_PX, FACENET_MARGIN, FACENET_SIDE_PX
from pipeline.models.custom import custom_ids, read_custom
from pipeline.models.entry import DETECTOR, Export, FalseMatches, ModelEntry, Role
from pipeline.models.network_input import Alignment, Layout, OnnxInput
from pipeline.models.weights import WeightsFile

FACENET = ModelEntry(
    id="facenet",
    role=Role.EMBEDDER,
    title="FaceNet (Inception-ResNet v1, 20180402-114759)",
    source="https://github.com/faustomorales/keras-facenet, release v0.3.1",
    license="MIT (trained on VGGFace2)",
    input="160x160 RGB, (value - 127.5) / 127.5",
    files=(
        WeightsFile(
            name="20180402-114759-weights.h5",
            sha256="8b71e7045497e841c00ee568f031d1a4d30908fceadf6884aef2dec4d545202b",
            url="https://github.com/faustomorales/keras-facenet/releases/download/v0.3.1/"
            "20180402-114759-weights.h5",
        ),
    ),
    error_rates="Published: LFW accuracy 0.9965. Not measured by us: the threshold is the cosine"
    " distance 0.30 that deepface publishes for its 512-d FaceNet, on the side of refusing.",
    alignment="box-margin-0.1/160",
    normalization="fixed-127.5/unit",
    dimensions=512,
    default_threshold=0.7,
    pixels=OnnxInput(
        side_px=FACENET_SIDE_PX,
        layout=Layout.NHWC,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        alignment=Alignment.MARGIN,
        margin=FACENET_MARGIN,
    ),
    export=Export("pipeline.models.facenet_export"),
)

DLIB = ModelEntry(
    id="dlib",
    role=Role.EMBEDDER,
    title="dlib ResNet v1",
    source="https://pypi.org/project/face_recognition_models/ 0.3.0",
    license="CC0-1.0",
    input="150x150 RGB chip by dlib's 5-point predictor, padding 0.25",
    files=(
        WeightsFile(
            name="models/dlib_face_recognition_resnet_model_v1.dat",
            sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
            package="face_recognition_models",
        ),
        WeightsFile(
            name="models/shape_predictor_5_face_landmarks.dat",
            sha256="c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
            package="face_recognition_models",
        ),
    ),
    error_rates="Published: LFW accuracy 0.9938 at d < 0.6. Measured by benchmarks.accuracy at the"
    " default, d < 0.583: 300 pairs of deepface's tests, 0 of 262 accepted falsely, 1 of 38"
    " refused falsely; 947 pairs of strangers in other photos, 3 accepted falsely (two women who"
    " look alike, two faces out of focus, one pair 0.001 above the threshold).",
    alignment="dlib-5-points/150",
    normalization="raw",
    dimensions=128,
    similarity=Similarity.EUCLIDEAN,
    default_threshold=0.83,
    false_matches=FalseMatches(3, 1209, low=0.000512, high=0.00723),
    export=Export("pipeline.models.dlib_export"),
)

MOBILEFACENET = ModelEntry(
    id="mobilefacenet",
    role=Role.EMBEDDER,
    title="MobileFaceNet (ArcFace-trained)",
    source="https://github.com/foamliu/MobileFaceNet at a6cc9032a659b615f477833e1a70b5e7931bcccc",
    license="Apache-2.0",
    input="112x112 RGB, ImageNet mean and deviation",
    files=(
        WeightsFile(
            name="MobileFaceNet.onnx",
            sha256="b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507",
            url="https://raw.githubusercontent.com/foamliu/MobileFaceNet/"
            "a6cc9032a659b615f477833e1a70b5e7931bcccc/weights/MobileFaceNet.onnx",
        ),
    ),
    error_rates="Measured by benchmarks.accuracy: 300 pairs of deepface's tests, 0 of 262 accepted"
    " falsely, 0 of 38 refused falsely; 947 pairs of strangers in other photos, 2 accepted falsely"
    " (faces out of focus, and at the border of the photo).",
    alignment="arcface-5-points/112",
    normalization="imagenet/mirror-sum/unit",
    dimensions=128,
    default_threshold=0.49,
    false_matches=FalseMatches(2, 1209, low=0.0002, high=0.00596),
    pixels=OnnxInput(
        side_px=ARCFACE_SIDE_PX,
        layout=Layout.NCHW,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        alignment=Alignment.ARCFACE,
    ),
    mirror=True,
)

MTCNN = ModelEntry(
    id=DETECTOR,
    role=Role.DETECTOR,
    title="MTCNN",
    source="https://pypi.org/project/mtcnn/ 1.0.0",
    license="MIT",
    input="RGB of any size, (value - 127.5) / 128",
    files=tuple(
        WeightsFile(name=f"assets/weights/{name}.lz4", sha256=sha256, package="mtcnn")
        for name, sha256 in (
            ("pnet", "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5"),
            ("rnet", "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee"),
            ("onet", "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3"),
        )
    ),
    error_rates="Measured by benchmarks.accuracy on CompreFace's 12 test photos: 40 of 40 faces"
    " found, none that is none.",
    export=Export("pipeline.models.mtcnn_export", ("proposing", "refining", "deciding")),
)

PINNED: Mapping[str, ModelEntry] = MappingProxyType(
    {entry.id: entry for entry in (FACENET, DLIB, MOBILEFACENET, MTCNN)}
)


def find(model_id: str, settings: Settings) -> ModelEntry:
    """The pinned network of that id, or the custom one described in the models' folder.

    Raises NotFound, or ModelUnavailable where a manifest is there and cannot be used.
    """
    pinned = PINNED.get(model_id)
    if pinned is not None:
        return pinned
    if model_id not in custom_ids(settings.models_path):
        known = ", ".join([*PINNED, *custom_ids(settings.models_path)])
        raise NotFound(f"there is no network of that name; known are {known}")
    return read_custom(settings.models_path, model_id)


def model_ids(settings: Settings) -> list[str]:
    """Every network that `find` knows: the pinned ones, then the custom ones by name."""
    return [*PINNED, *custom_ids(settings.models_path)]
