"""People, their photos, and devices."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Union
from urllib.parse import quote

from kenal_client.media import PhotoSource, read_photo
from kenal_client.parsing import parse
from kenal_client.people import Person
from kenal_client.records import Device, EnrolledPhoto, IssuedDevice, IssuedDeviceKey, Photo
from kenal_client.transport import Ask, Transport

PAGE = 500


class Keep(Enum):
    """For a value that is to stay as it is; None clears it."""

    KEEP = "keep"


KEEP = Keep.KEEP
Text = Union[str, None, Keep]
Attributes = Union[Mapping[str, Any], None, Keep]


def once() -> dict[str, str]:
    """Headers under which a request is done once, however often it is sent."""
    return {"Idempotency-Key": str(uuid.uuid4())}


def part(text: str) -> str:
    """One part of an address; raises ValueError for what would be another address."""
    if text in ("", ".", ".."):
        raise ValueError("this is no id")
    return quote(text, safe="")


def changes(given: Mapping[str, object]) -> dict[str, object]:
    """Those that were said."""
    return {name: value for name, value in given.items() if value is not KEEP}


def said(given: Mapping[str, object]) -> dict[str, object]:
    """Those that are not None."""
    return {name: value for name, value in given.items() if value is not None}


class Users:
    """People and their profiles."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        user_id: str,
        *,
        name: str | None = None,
        email: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> Person:
        """A person without a photo; raises ConflictError where the id is taken."""
        profile = said({"name": name, "email": email, "attributes": attributes})
        body = {"user_id": user_id, **profile}
        return parse(Person, self._transport.send(Ask("POST", "/users", json=body, headers=once())))

    def get(self, user_id: str) -> Person:
        return parse(Person, self._transport.send(Ask("GET", f"/users/{part(user_id)}")))

    def list(self) -> Iterator[Person]:
        """Everybody, in the order they were added; pages are fetched as they are needed."""
        rows = self._transport.pages(Ask("GET", "/users", {"limit": PAGE}), "users")
        return (parse(Person, row) for row in rows)

    def update(
        self,
        user_id: str,
        *,
        name: Text = KEEP,
        email: Text = KEEP,
        attributes: Attributes = KEEP,
    ) -> Person:
        """Change what is given; None clears."""
        body = changes({"name": name, "email": email, "attributes": attributes})
        ask = Ask("PATCH", f"/users/{part(user_id)}", json=body)
        return parse(Person, self._transport.send(ask))

    def delete(self, user_id: str) -> None:
        """Remove the person with every face and photo."""
        self._transport.send(Ask("DELETE", f"/users/{part(user_id)}"))


class Photos:
    """The photos of a person."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def enroll(
        self, user_id: str, photo: PhotoSource, *, mode: str | None = None, accept: bool = False
    ) -> EnrolledPhoto:
        """Enroll a photo, and the person where there is none; raises PhotoError, ConflictError.

        `mode` is `standard` or `strict`. `accept`, for admins: also a face that contradicts the
        enrolled ones.
        """
        form = {} if mode is None else {"mode": mode}
        if accept:
            form["accept"] = "true"
        ask = Ask(
            "POST",
            _photos(user_id),
            form=form,
            photos={"photo": read_photo(photo)},
            headers=once(),
        )
        return parse(EnrolledPhoto, self._transport.send(ask))

    def list(self, user_id: str) -> Iterator[Photo]:
        """The person's photos in the ledger, enrolled or refused."""
        rows = self._transport.pages(Ask("GET", _photos(user_id), {"limit": PAGE}), "photos")
        return (parse(Photo, row) for row in rows)

    def delete(self, user_id: str, photo_id: int) -> None:
        """Remove the photo, the face it gave, and the file."""
        self._transport.send(Ask("DELETE", f"{_photos(user_id)}/{photo_id}"))


def _photos(user_id: str) -> str:
    return f"/users/{part(user_id)}/photos"


class Devices:
    """Door units and their keys. What answers with a key is never sent twice by itself."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        name: str,
        *,
        device_id: str | None = None,
        place: str | None = None,
        direction: str | None = None,
        active: bool = True,
        holds_gallery: bool = False,
    ) -> IssuedDevice:
        """A device with its key; after ConnectionFailed look whether it is there."""
        body = said({"device_id": device_id, "place": place, "direction": direction})
        body |= {"name": name, "active": active, "holds_gallery": holds_gallery}
        ask = Ask("POST", "/devices", json=body, is_repeatable=False)
        return parse(IssuedDevice, self._transport.send(ask))

    def get(self, device_id: str) -> Device:
        return parse(Device, self._transport.send(Ask("GET", _device(device_id))))

    def list(self) -> Iterator[Device]:
        """Every device, in the order they were added."""
        rows = self._transport.pages(Ask("GET", "/devices", {"limit": PAGE}), "devices")
        return (parse(Device, row) for row in rows)

    def update(
        self,
        device_id: str,
        *,
        name: str | Keep = KEEP,
        place: Text = KEEP,
        direction: Text = KEEP,
        active: bool | Keep = KEEP,
        holds_gallery: bool | Keep = KEEP,
    ) -> Device:
        """Change what is given; None clears `place` and `direction`."""
        body = changes({"name": name, "place": place, "direction": direction, "active": active})
        body |= changes({"holds_gallery": holds_gallery})
        return parse(Device, self._transport.send(Ask("PATCH", _device(device_id), json=body)))

    def delete(self, device_id: str) -> None:
        """Remove the device and its keys; its check-ins stay."""
        self._transport.send(Ask("DELETE", _device(device_id)))

    def new_key(self, device_id: str, *, overlap_hours: int = 24) -> IssuedDeviceKey:
        """A fresh key; the device's others are good for `overlap_hours` more."""
        body = {"overlap_hours": overlap_hours}
        ask = Ask("POST", f"{_device(device_id)}/key", json=body, is_repeatable=False)
        return parse(IssuedDeviceKey, self._transport.send(ask))


def _device(device_id: str) -> str:
    return f"/devices/{part(device_id)}"
