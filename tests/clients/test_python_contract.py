"""The client's values are those of the contract, and its source runs on Python 3.9."""

import ast
import dataclasses
import types
from collections.abc import Iterator
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel

import kenal_client
from api.contract import attendance, checkins, compare, devices, photos, recognition, users
from kenal_client import faces, people, records

PAIRS = [
    (people.Person, users.Person),
    (faces.Recognition, recognition.RecognitionAnswer),
    (faces.RecognitionOfAll, recognition.AllFacesAnswer),
    (faces.Comparison, compare.ComparisonAnswer),
    (faces.Detection, compare.DetectionAnswer),
    (records.Photo, photos.Photo),
    (records.EnrolledPhoto, photos.EnrolledPhoto),
    (records.CheckIn, checkins.CheckIn),
    (records.CheckInResult, checkins.NewCheckIn),
    (records.Attendance, attendance.AttendanceRow),
    (records.Device, devices.Device),
    (records.IssuedDevice, devices.NewDeviceAnswer),
    (records.IssuedDeviceKey, devices.DeviceKeyAnswer),
    (records.Heartbeat, devices.HeartbeatAnswer),
]
SOURCES = sorted(Path(kenal_client.__file__).parent.glob("*.py"))


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda kind: str(kind.__name__))
def test_values_are_those_of_the_contract(ours: type[Any], theirs: type[BaseModel]) -> None:
    assert shape(ours) == shape(theirs)


def test_every_value_is_compared() -> None:
    found: set[type[Any]] = set()
    for ours, _ in PAIRS:
        found |= set(inside(ours))
    shown = {getattr(kenal_client, name) for name in kenal_client.__all__}
    values = {kind for kind in shown if dataclasses.is_dataclass(kind)}
    assert values - found == {kenal_client.WebhookEvent}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.name))
def test_source_is_of_python_3_9(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 9))


def shape(kind: Any) -> object:
    """A type as both sides can say it: enums are texts, models are their fields."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return shape(inner[0])
    if origin in (Union, types.UnionType):
        return {"optional": shape(next(one for one in inner if one is not type(None)))}
    if origin in (tuple, list):
        return [shape(one) for one in inner if one is not Ellipsis]
    if origin is dict:
        return dict
    if origin is Literal or (isinstance(kind, type) and issubclass(kind, Enum)):
        return str
    if kind in (datetime, date):
        return kind
    if isinstance(kind, type) and (issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind)):
        return {name: shape(of_field) for name, of_field in fields(kind).items()}
    return kind


def fields(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    if issubclass(kind, BaseModel):
        return {name: hints[name] for name in kind.model_fields}
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def inside(kind: Any) -> Iterator[type[Any]]:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        yield kind
        for of_field in fields(kind).values():
            yield from inside(of_field)
    for one in get_args(kind):
        yield from inside(one)
