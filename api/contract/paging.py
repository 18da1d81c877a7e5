"""The options of a listing, and the cursor its answer ends with."""

from pydantic import Field

from api.contract.base import Answer, Body


class PageOptions(Body):
    limit: int = Field(100, ge=1, le=500, description="How many at most.")
    cursor: str | None = Field(None, description="`next_cursor` of the page before.")


class Page(Answer):
    next_cursor: str | None = Field(description="For the next page; null: there is none.")
