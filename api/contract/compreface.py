"""What /api/v1 takes and gives: the shapes that clients of CompreFace know."""

from functools import partial
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator

from api.contract.base import Body
from api.contract.compreface_errors import CompreFaceError
from api.contract.operation import operation

compreface_operation = partial(operation, error_model=CompreFaceError)
"""`operation` for views whose refusals have CompreFace's shape."""

PLUGINS = frozenset(["age", "gender", "landmarks", "calculator", "mask", "pose", "landmarks2d106"])
MAX_PAGE = 2000
_Point = tuple[int, int]


class DetectorQuery(BaseModel):
    """Options that are not known here are ignored, as CompreFace does."""

    model_config = ConfigDict(extra="ignore")

    det_prob_threshold: float = Field(
        0.0, ge=0, le=1, description="Least confidence of a face, the detector's."
    )


class FacesQuery(DetectorQuery):
    limit: int = Field(0, ge=0, description="How many faces at most, the largest first; 0: all.")
    face_plugins: str = Field(
        "",
        description="`calculator` and `landmarks`, with commas; others of CompreFace give nothing.",
    )
    status: bool = Field(False, description="Whether to say what it was done with, and how long.")
    detect_faces: Literal[True] = Field(True, description="A face is always looked for.")

    @field_validator("detect_faces", mode="before")
    @classmethod
    def _looked_for(cls, value: object) -> object:
        if str(value).lower() != "true":
            raise ValueError("a face is always looked for here")
        return True

    @field_validator("face_plugins")
    @classmethod
    def _known(cls, value: str) -> str:
        names = [name.strip() for name in value.split(",") if name.strip()]
        if not PLUGINS.issuperset(names):
            raise ValueError(f"plugins are {', '.join(sorted(PLUGINS))}")
        return ",".join(names)

    def has(self, plugin: str) -> bool:
        return plugin in self.face_plugins.split(",")


class PredictionQuery(BaseModel):
    model_config = ConfigDict(extra="ignore")

    prediction_count: int = Field(
        1, ge=-1, description="How many people for each face; -1, as 10 and more: 10."
    )

    @field_validator("prediction_count")
    @classmethod
    def _positive(cls, value: int) -> int:
        if value == 0:
            raise ValueError("Prediction count should be any positive number or -1")
        return value


class RecognizeQuery(FacesQuery, PredictionQuery):
    """Of a recognition."""


class SubjectQuery(BaseModel):
    model_config = ConfigDict(extra="ignore")

    subject: str | None = Field(None, description="One person's; absent: everybody's.")


class ExamplesQuery(SubjectQuery):
    page: int = Field(0, ge=0, le=10**9, description="Of the listing, from 0 on.")
    size: int = Field(20, ge=1, description=f"Of a page; more than {MAX_PAGE} is {MAX_PAGE}.")


class NewExampleQuery(DetectorQuery):
    subject: str = Field(description="Whose face it is; made where there is nobody of this name.")


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
