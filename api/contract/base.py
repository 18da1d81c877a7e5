"""What all documented bodies share."""

from pydantic import BaseModel, ConfigDict, Field


class Body(BaseModel):
    """A JSON object with exactly these fields."""

    model_config = ConfigDict(extra="forbid")


class Answer(Body):
    """The JSON of an answer; every one names its request."""

    request_id: str = Field(description="The request, in the log and in X-Request-ID.")


class ErrorWords(Body):
    code: str = Field(description="What went wrong; decide by this.")
    message: str = Field(description="For people; may change.")
    details: dict[str, object] = Field(description="Values that help to act on it.")


class Error(Answer):
    """The one shape of every error."""

    error: ErrorWords
