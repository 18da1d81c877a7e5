"""FaceNet as keras-facenet has it, from the registry's pinned weights."""

from typing import Any

from core.settings import Settings
from pipeline.models.custom import ManifestInput
from pipeline.models.facenet_export import SIDE_PX, keras_model
from pipeline.models.registry import FACENET
from pipeline.models.weights import check_weights, model_file
from training.keras_here import keras, quiet
from training.provenance import Provenance
from training.written import now, versions


def facenet(settings: Settings) -> tuple[Any, Provenance]:
    """The network of one input size, and where it comes from.

    Raises ModelUnavailable where the pinned weights are not there.
    """
    weights = model_file(settings.models_path, FACENET.id, FACENET.files[0])
    check_weights(weights, FACENET.files[0].sha256, FACENET.title)
    module = keras()
    with quiet():
        inner = keras_model(weights)
    return of_one_size(module, inner), facenet_provenance()


def of_one_size(module: Any, inner: Any) -> Any:
    """The same network for pictures of 160 px, which TensorFlow Lite asks for."""
    pixels = module.Input((SIDE_PX, SIDE_PX, 3))
    return module.Model(pixels, inner(pixels))


def facenet_provenance() -> Provenance:
    """Trained by others, with their figures and the registry's threshold."""
    pixels = FACENET.pixels
    assert pixels is not None
    return Provenance(
        title=FACENET.title,
        license=FACENET.license,
        trained=True,
        how=f"trained by others: {FACENET.source}",
        made_at=now(),
        input=ManifestInput(
            side_px=pixels.side_px,
            layout=pixels.layout,
            mean=pixels.mean,
            std=pixels.std,
            alignment=pixels.alignment,
            margin=pixels.margin,
        ),
        dimensions=FACENET.dimensions,
        threshold=FACENET.default_threshold,
        published=FACENET.error_rates,
        versions=versions(),
    )
