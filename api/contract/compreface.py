"""What /api/v1 takes and gives: the shapes that clients of CompreFace know."""

from functools import partial

from pydantic import BaseModel, ConfigDict, Field, RootModel

from api.contract.base import Body
from api.contract.compreface_errors import CompreFaceError
from api.contract.operation import operation

compreface_operation = partial(operation, error_model=CompreFaceError)
"""`operation` for views whose refusals have CompreFace's shape."""

_Point = tuple[int, int]


class FaceBox(Body):
    """Pixels of the upright photo; it may cross the border."""

    probability: float
    x_max: int
    y_max: int
    x_min: int
    y_min: int


class ExecutionTime(Body):
    """Milliseconds of the photo."""

    detector: float
    calculator: float | None = None


class PluginsVersions(Body):
    detector: str
    calculator: str | None = None


class CompreFaceFace(Body):
    """What face_plugins and status did not ask for is absent."""

    box: FaceBox
    embedding: list[float] | None = None
    landmarks: list[_Point] | None = Field(None, description="Eyes, nose, corners of the mouth.")
    execution_time: ExecutionTime | None = None


class Similar(Body):
    subject: str
    similarity: float = Field(ge=0, le=1, description="Below 0 shown as 0.")


class RecognizedFace(CompreFaceFace):
    subjects: list[Similar] = Field(description="Empty: nobody is named. The nearest first.")


class RecognizedFaces(Body):
    result: list[RecognizedFace]
    plugins_versions: PluginsVersions | None = None


class DetectedFaces(Body):
    result: list[CompreFaceFace]
    plugins_versions: PluginsVersions | None = None


class MatchedFace(CompreFaceFace):
    similarity: float = Field(ge=0, le=1, description="Below 0 shown as 0.")


class ExampleMatch(MatchedFace):
    subject: str = Field(description="Whose example it was compared with; not who is in the photo.")


class ExampleMatches(Body):
    result: list[ExampleMatch]
    plugins_versions: PluginsVersions | None = None


class SourceMatches(Body):
    source_image_face: CompreFaceFace
    face_matches: list[MatchedFace]
    plugins_versions: PluginsVersions | None = None


class VerifiedPhotos(Body):
    result: list[SourceMatches] = Field(min_length=1, max_length=1)


class Example(Body):
    """A photo that gave an enrolled face."""

    image_id: str
    subject: str


class ExamplePage(Body):
    faces: list[Example]
    page_number: int
    page_size: int
    total_pages: int
    total_elements: int


class ImageIds(RootModel[list[str]]):
    """Photos by their ids."""


class Examples(RootModel[list[Example]]):
    """Those that there were."""


class SubjectBody(BaseModel):
    model_config = ConfigDict(extra="ignore")

    subject: str


class SubjectAnswer(Body):
    subject: str


class Subjects(Body):
    subjects: list[str]


class Deleted(Body):
    deleted: int


class Updated(Body):
    updated: bool


class EmbeddingsBody(BaseModel):
    model_config = ConfigDict(extra="ignore")

    embeddings: list[list[float]] = Field(min_length=1)


class SourceAndTargets(BaseModel):
    model_config = ConfigDict(extra="ignore")

    source: list[float]
    targets: list[list[float]] = Field(min_length=1)


class EmbeddingSubjects(Body):
    embedding: list[float]
    similarities: list[Similar] = Field(description="Empty: nobody is named.")


class RecognizedEmbeddings(Body):
    result: list[EmbeddingSubjects]


class EmbeddingSimilarity(Body):
    embedding: list[float]
    similarity: float = Field(ge=0, le=1, description="Below 0 shown as 0.")


class ComparedEmbeddings(Body):
    result: list[EmbeddingSimilarity]
