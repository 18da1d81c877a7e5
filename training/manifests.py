"""Manifests by which server and edge agent load a network, or refuse an untrained one."""

import json
from collections.abc import Mapping
from dataclasses import asdict

from core.types import Similarity
from pipeline.models.custom import UNTRAINED, Manifest
from training.provenance import Provenance

_TABLES = ("input", "false_matches")


def manifest_json(given: Provenance, file: str, sha256: str, source: str) -> bytes:
    """For the server (MODEL_DIR/<id>/manifest.json), and for a device that computes ONNX.

    A network that may name nobody says `"trained": false` and has no threshold: both refuse it.
    """
    fields = _fields(given, file, sha256, source)
    if given.trained:
        Manifest.model_validate(fields)  # never write what the server would refuse
    return (json.dumps(fields, indent=1, ensure_ascii=False) + "\n").encode()


def manifest_toml(given: Provenance, file: str, sha256: str, source: str) -> bytes:
    """For the edge agent, with the TensorFlow Lite file."""
    fields = {**_fields(given, file, sha256, source), "trained": given.trained}
    tables = {name: fields.pop(name) for name in _TABLES if name in fields}
    lines = [f"{name} = {_toml(value)}" for name, value in fields.items()]
    for name, table in tables.items():
        assert isinstance(table, Mapping)
        lines += ["", f"[{name}]", *(f"{field} = {_toml(value)}" for field, value in table.items())]
    return ("\n".join(lines) + "\n").encode()


def _fields(given: Provenance, file: str, sha256: str, source: str) -> dict[str, object]:
    fields: dict[str, object] = {
        "title": given.title,
        "file": file,
        "sha256": sha256,
        "license": given.license,
        "source": source[:500],
        "error_rates": given.error_rates()[:1000],
        "input": given.input.model_dump(mode="json"),
        "dimensions": given.dimensions,
        "similarity": Similarity.COSINE.value,
        "mirror": given.mirror,
        "unit_length": True,
    }
    if given.trained:
        measured = given.false_matches()
        told = {} if measured is None else {"false_matches": asdict(measured)}
        return {**fields, "default_threshold": given.threshold, **told}
    return {**fields, "trained": False, "source": f"{UNTRAINED} {given.reason}"[:500]}


def _toml(value: object) -> str:
    """A value as TOML has it; JSON's strings, numbers, lists and booleans are the same there."""
    return json.dumps(value, ensure_ascii=False)
