"""The OpenAPI 3.1 document, made from what the views declare."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from api.contract.base import Error
from api.contract.errors import codes_by_status
from api.contract.operation import OPEN, Operation, Photo, operation_of
from api.contract.parameters import (
    IDEMPOTENCY_KEY,
    path_of,
    path_parameters,
    query_parameters,
)
from api.contract.tags import CHAPTERS, chapter_of, place_of
from api.root import VERSION

Json = dict[str, object]
_REF = "#/components/schemas/{model}"
_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
_BINARY: Mapping[str, object] = MappingProxyType({"type": "string", "format": "binary"})
_BASE64: Mapping[str, object] = MappingProxyType(
    {"type": "string", "contentEncoding": "base64", "description": "The photo, in base64."}
)
_SECURITY: Mapping[str, object] = MappingProxyType(
    {
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
)


def document(app: Flask) -> Json:
    """The whole contract; the same for every process of this version."""
    declared = list(_operations(app))
    paths: dict[str, Json] = {}
    for rule, method, said in declared:
        paths.setdefault(path_of(rule), {})[method.lower()] = _operation(rule, said)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kenal", "version": VERSION, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in _SECURITY] + [{}],
        "tags": [{"name": name, "description": words} for name, (words, _) in CHAPTERS.items()],
        "paths": paths,
        "components": {
            "securitySchemes": dict(_SECURITY),
            "schemas": _schemas([said for _, _, said in declared]),
        },
    }


_ABOUT = (
    "Self-hosted face recognition and check-in. Every answer is JSON with a `request_id`; every "
    "error has one shape, with a stable `code`. With `KENAL_AUTH=off` no key is needed on the "
    "machine itself."
)


def _operations(app: Flask) -> Iterator[tuple[Rule, str, Operation]]:
    rules = app.url_map.iter_rules()
    for rule in sorted(rules, key=lambda rule: (place_of(rule.endpoint), rule.rule)):
        said = operation_of(app, rule.endpoint)
        for method in _METHODS:
            if said is not None and method in (rule.methods or ()):
                yield rule, method, said


def _operation(rule: Rule, said: Operation) -> Json:
    parameters = [*path_parameters(rule), *query_parameters(said.query)]
    if isinstance(said.body, Photo) and said.body.options is not None:
        # Beside a raw photo there is no other place for them.
        parameters += query_parameters(said.body.options)
    if said.creates:
        parameters.append(dict(IDEMPOTENCY_KEY))
    shown: Json = {
        "operationId": rule.endpoint.replace(".", "_"),
        "summary": said.summary,
        "tags": [chapter_of(rule.endpoint)],
        "x-scopes": sorted(said.scopes),
        "parameters": parameters,
        "responses": _responses(rule, said),
    }
    if said.scopes == OPEN:
        shown["security"] = [{}]
    if said.body is not None:
        shown["requestBody"] = {"required": True, "content": _content(said.body)}
    return shown


def _content(body: Photo | type[BaseModel]) -> Json:
    if not isinstance(body, Photo):
        return {"application/json": {"schema": _ref(body)}}
    options: Json = {}
    if body.options is not None:
        options = {p["name"]: p["schema"] for p in query_parameters(body.options)}  # type: ignore[misc]
    form = {name: dict(_BINARY) for name in body.fields} | options
    texts = {name: dict(_BASE64) for name in body.fields} | options
    content: Json = {
        "multipart/form-data": {"schema": _object(form, body.fields)},
        "application/json": {"schema": _object(texts, body.fields)},
    }
    if len(body.fields) == 1:
        content["image/*"] = {"schema": dict(_BINARY)}
    return content


def _object(properties: Json, required: tuple[str, ...]) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _responses(rule: Rule, said: Operation) -> Json:
    shown: Json = {}
    for status, model in said.answers.items():
        answer: Json = {"description": "Done."}
        if model is not None:
            answer["content"] = {"application/json": {"schema": _ref(model)}}
        elif said.media_type != "application/json":
            answer["content"] = {said.media_type: {"schema": {"type": "string"}}}
        shown[str(status)] = answer
    for status, codes in codes_by_status(said, bool(rule.arguments)).items():
        named = ", ".join(f"`{code}`" for code in codes)
        refusal: Json = {
            "description": named,
            "content": {"application/json": {"schema": _ref(said.error_model)}},
            "x-codes": codes,
        }
        shown.setdefault(str(status), refusal)
    return shown


def _schemas(declared: list[Operation]) -> Json:
    models: dict[type[BaseModel], None] = {Error: None}
    for said in declared:
        models[said.error_model] = None
        models |= dict.fromkeys(model for model in said.answers.values() if model is not None)
        if said.body is not None and not isinstance(said.body, Photo):
            models[said.body] = None
    _, schema = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    found = _without_null_defaults(schema["$defs"])
    assert isinstance(found, dict)
    return found


def _without_null_defaults(value: object) -> object:
    """What is absent is not null: a default that no value may have says nothing."""
    if isinstance(value, dict):
        return {
            key: _without_null_defaults(part)
            for key, part in value.items()
            if not (key == "default" and part is None)
        }
    return [_without_null_defaults(part) for part in value] if isinstance(value, list) else value


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": _REF.format(model=model.__name__)}
