"""`@operation`: what an address takes, gives and asks for, declared on its view.

The declaration is used, not only shown: `api.auth` reads the scopes, `api.idempotency` reads
`creates`, and the OpenAPI document is made from it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from flask import Flask
from pydantic import BaseModel

from api.contract.base import Error
from core.access import Scope

View = TypeVar("View", bound=Callable[..., object])
_MARK = "kenal_operation"
OPEN: frozenset[Scope] = frozenset()
"""For what anybody may ask."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A body that is a photo in any of the three forms, with the options of `options`.

    `fields` are the names of the photos where there is more than one.
    """

    options: type[BaseModel] | None = None
    fields: tuple[str, ...] = ("photo",)


@dataclass(frozen=True, slots=True)
class Operation:
    """`answers` are the successes: a status and the model of its body, None where it has none.

    `errors` are codes beyond those that every address can answer with. `scopes`: any one of them.
    `error_model` is the body of a refusal.
    """

    summary: str
    scopes: frozenset[Scope]
    answers: Mapping[int, type[BaseModel] | None]
    errors: tuple[str, ...] = ()
    query: type[BaseModel] | None = None
    body: Photo | type[BaseModel] | None = None
    creates: bool = False
    media_type: str = "application/json"
    error_model: type[BaseModel] = Error


def operation(
    summary: str,
    scopes: frozenset[Scope],
    *,
    answers: Mapping[int, type[BaseModel] | None] | None = None,
    errors: tuple[str, ...] = (),
    query: type[BaseModel] | None = None,
    body: Photo | type[BaseModel] | None = None,
    creates: bool = False,
    media_type: str = "application/json",
    error_model: type[BaseModel] = Error,
) -> Callable[[View], View]:
    """Declare a view. `creates`: a POST that makes something, so it takes an Idempotency-Key."""
    said = MappingProxyType(dict(answers or {200: None}))
    declared = Operation(
        summary, scopes, said, errors, query, body, creates, media_type, error_model
    )

    def mark(view: View) -> View:
        setattr(view, _MARK, declared)
        return view

    return mark


def operation_of(app: Flask, endpoint: str | None) -> Operation | None:
    """What the view of `endpoint` declares; None where there is no such view or it says nothing."""
    found = getattr(app.view_functions.get(endpoint or ""), _MARK, None)
    return found if isinstance(found, Operation) else None


def needs(*scopes: Scope) -> frozenset[Scope]:
    """Any one of these."""
    return frozenset(scopes)
