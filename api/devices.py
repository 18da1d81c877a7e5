"""/devices: door units, their keys and heartbeats.

Answers with a key take no Idempotency-Key: a key is stored nowhere, so they cannot be repeated.
"""

from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, request, url_for

from api import request_ids, schemas
from api.answers import answer, no_content
from api.auth import caller
from api.context import services
from api.contract.device_gallery import GalleryOptions, GalleryPage
from api.contract.devices import (
    DeviceAnswer,
    DeviceChange,
    DeviceKeyAnswer,
    DevicesPage,
    HeartbeatAnswer,
    HeartbeatBody,
    NewDeviceAnswer,
    NewDeviceBody,
    NewDeviceKey,
)
from api.contract.operation import needs, operation
from api.contract.paging import PageOptions
from api.device_gallery import OPTIONS as GALLERY_OPTIONS
from api.device_gallery import asked_of, shown
from api.given import given
from api.options import Options
from api.own_device import check_own
from api.paging import OPTIONS as PAGING
from api.paging import page_of
from core.access import Scope
from db import audit
from db import devices as stored
from db.access_models import Device
from db.session import Session
from pipeline.devices import HEARTBEAT_SECONDS, Heard, NewDevice, create, heartbeat, presence
from pipeline.devices import new_key as fresh_key

devices = Blueprint("devices", __name__)


@devices.get("/devices")
@operation(
    "The devices, in the order they were added",
    needs(Scope.ADMIN, Scope.READ),
    answers={200: DevicesPage},
    query=PageOptions,
)
def list_devices() -> Response:
    page = page_of(Options.of_query(request, PAGING))
    with services().database.read() as session:
        rows, cursor = page.cut(stored.page(session, page.after_id, page.limit + 1))
    return answer({"devices": [_shown(row) for row in rows], "next_cursor": cursor})


@devices.post("/devices")
@operation(
    "Register a device; its key is shown this once",
    needs(Scope.ADMIN),
    answers={201: NewDeviceAnswer},
    errors=("conflict",),
    body=NewDeviceBody,
)
def create_device() -> Response:
    said = given(request, NewDeviceBody)
    wanted = NewDevice(
        device_id=said.device_id,
        name=said.name,
        place=said.place,
        direction=said.direction,
        active=said.active,
        holds_gallery=said.holds_gallery,
    )
    with services().database.write() as session:
        device, issued = create(session, wanted, caller().id)
        _note(session, "device.create", device.device_id)
    told = {**_shown(device), "key_id": issued.row.key_id, "key": issued.text}
    place = url_for("devices.get_device", device_id=device.device_id)
    return answer(told, 201, place)


@devices.get("/devices/<device_id>")
@operation("One device", needs(Scope.ADMIN, Scope.READ), answers={200: DeviceAnswer})
def get_device(device_id: str) -> Response:
    with services().database.read() as session:
        device = stored.get(session, device_id)
    return answer(_shown(device))


@devices.patch("/devices/<device_id>")
@operation(
    "Change a device; null clears",
    needs(Scope.ADMIN),
    answers={200: DeviceAnswer},
    body=DeviceChange,
)
def change_device(device_id: str) -> Response:
    changed = given(request, DeviceChange).model_dump(exclude_unset=True)
    with services().database.write() as session:
        device = stored.get(session, device_id)
        for name, value in changed.items():
            setattr(device, name, value)
        device.updated_at = datetime.now(UTC)
        _note(session, "device.change", device_id, {"fields": sorted(changed)})
    return answer(_shown(device))


@devices.delete("/devices/<device_id>")
@operation("Remove a device and its keys; check-ins stay", needs(Scope.ADMIN), answers={204: None})
def remove_device(device_id: str) -> Response:
    with services().database.write() as session:
        stored.delete(session, stored.get(session, device_id))
        _note(session, "device.delete", device_id)
    return no_content()


@devices.post("/devices/<device_id>/key")
@operation(
    "Make a fresh key for a device, shown this once",
    needs(Scope.ADMIN),
    answers={201: DeviceKeyAnswer},
    body=NewDeviceKey,
)
def new_key(device_id: str) -> Response:
    overlap = timedelta(hours=given(request, NewDeviceKey, may_be_bare=True).overlap_hours)
    with services().database.write() as session:
        device = stored.get(session, device_id)
        issued = fresh_key(session, device, overlap, caller().id)
        _note(session, "device.key", device_id, {"key_id": issued.row.key_id})
    told = {"device_id": device_id, "key_id": issued.row.key_id, "key": issued.text}
    return answer(told, 201)


@devices.post("/devices/<device_id>/heartbeat")
@operation(
    "Say how a device is, and learn what it should know",
    needs(Scope.DEVICE),
    answers={200: HeartbeatAnswer},
    body=HeartbeatBody,
)
def beat(device_id: str) -> Response:
    now = datetime.now(UTC)
    check_own(device_id)
    said = given(request, HeartbeatBody)
    with services().database.write() as session:
        device = stored.get(session, device_id)
        heartbeat(device, Heard(said.clock, said.version, said.queue_length), now)
    return answer(
        {
            "server_time": schemas.of_time(datetime.now(UTC)),
            "clock_skew_ms": device.clock_skew_ms,
            "active": device.active,
            "direction": device.direction,
            "fresh_seconds": services().settings.fresh_seconds,
            "heartbeat_seconds": HEARTBEAT_SECONDS,
        }
    )


@devices.get("/devices/<device_id>/gallery")
@operation(
    "What a device that recognizes people by itself is given: everybody, then what changed",
    needs(Scope.DEVICE),
    answers={200: GalleryPage},
    errors=("network_not_served",),
    query=GalleryOptions,
)
def get_gallery(device_id: str) -> Response:
    check_own(device_id)
    network, after, limit = asked_of(Options.of_query(request, GALLERY_OPTIONS))
    own = services()
    with own.database.read() as session:
        device = stored.get(session, device_id)
    page = own.device_gallery.page(device, network, after, limit)
    if page.begins:
        with own.database.write() as session:
            _note(session, "device.gallery", device_id, {"network": page.network.spec.embedder})
    return answer(shown(page))


def _note(
    session: Session, action: str, device_id: str, details: dict[str, object] | None = None
) -> None:
    audit.note(
        session, caller(), action, device_id, details=details, request_id=request_ids.current()
    )


def _shown(device: Device) -> schemas.Json:
    seen = device.last_seen_at
    return {
        "device_id": device.device_id,
        "name": device.name,
        "place": device.place,
        "direction": device.direction,
        "active": device.active,
        "holds_gallery": device.holds_gallery,
        "status": presence(device, datetime.now(UTC)),
        "last_seen_at": schemas.of_time(seen) if seen else None,
        "version": device.version,
        "queue_length": device.queue_length,
        "clock_skew_ms": device.clock_skew_ms,
        "created_at": schemas.of_time(device.created_at),
        "updated_at": schemas.of_time(device.updated_at),
    }
