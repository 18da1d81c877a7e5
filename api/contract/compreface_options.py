"""The options that /api/v1 takes, read by the models that describe them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

PLUGINS = frozenset(["age", "gender", "landmarks", "calculator", "mask", "pose", "landmarks2d106"])
MAX_PAGE = 2000


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
