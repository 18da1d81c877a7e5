"""Parameters of addresses and queries, as OpenAPI names them."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from pydantic import BaseModel
from werkzeug.routing import Rule

Json = dict[str, object]
_VARIABLE = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")

IDEMPOTENCY_KEY: Mapping[str, object] = MappingProxyType(
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "New for every thing you want done; the same request again is not redone.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    }
)
_TEXT: Mapping[str, object] = MappingProxyType({"type": "string", "minLength": 1})


def path_parameters(rule: Rule) -> list[Json]:
    """The parts of the address that the client fills in."""
    names = _VARIABLE.findall(rule.rule)
    return [{"name": name, "in": "path", "required": True, "schema": dict(_TEXT)} for name in names]


def path_of(rule: Rule) -> str:
    """The address with its variable parts in braces."""
    return _VARIABLE.sub(r"{\1}", rule.rule)


def query_parameters(model: type[BaseModel] | None) -> list[Json]:
    """The fields of `model` as options of the query."""
    if model is None:
        return []
    schema = model.model_json_schema()
    required = schema.get("required", [])
    found = []
    for name, of_field in schema.get("properties", {}).items():
        shown = _resolved(of_field, schema.get("$defs", {}))
        shown.pop("title", None)
        parameter: Json = {"name": name, "in": "query", "schema": shown}
        if name in required:
            parameter["required"] = True
        if description := shown.pop("description", None):
            parameter["description"] = description
        found.append(parameter)
    return found


def _resolved(of_field: Json, definitions: Mapping[str, Json]) -> Json:
    """The schema with what it refers to put in place, and without null: a query has none."""
    shown = dict(of_field)
    reference = shown.pop("$ref", None)
    if isinstance(reference, str):
        shown = {**definitions[reference.rsplit("/", 1)[-1]], **shown}
    choices = shown.get("anyOf")
    if isinstance(choices, list):
        real = [choice for choice in choices if choice.get("type") != "null"]
        if len(real) == 1:
            del shown["anyOf"]
            shown = {**_resolved(real[0], definitions), **shown}
            shown.pop("default", None)
    return shown
