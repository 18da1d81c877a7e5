"""People as the API takes and shows them."""

from datetime import datetime

from pydantic import Field

from api.contract.base import Answer, Body
from api.contract.paging import Page
from pipeline.profiles import Profile


class Person(Body):
    """A person with the profile."""

    user_id: str
    name: str | None
    email: str | None
    attributes: dict[str, object]
    face_id: int | None = Field(description="The primary face; null until a photo is enrolled.")
    created_at: datetime
    updated_at: datetime


class PersonAnswer(Person, Answer):
    """One person."""


class PeoplePage(Page):
    users: list[Person]


class NewPerson(Profile):
    """A person to add."""

    user_id: str = Field(min_length=1, max_length=64)


class ProfileChange(Profile):
    """What is absent stays as it is; null clears."""
