"""The client: questions about photos, check-ins, and what was recorded."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Iterator
from datetime import date, datetime, timezone
from types import TracebackType

import httpx

from kenal_client.faces import Comparison, Detection, Recognition, RecognitionOfAll
from kenal_client.media import PhotoSource, read_photo
from kenal_client.parsing import parse
from kenal_client.records import Attendance, CheckIn, CheckInResult, Heartbeat
from kenal_client.resources import PAGE, Devices, Photos, Users, part, said
from kenal_client.transport import Ask, Transport


class Kenal:
    """A Kenal service; thread-safe. Every method raises KenalError."""

    def __init__(
        self,
        base_url: str,
        key: str | None = None,
        *,
        timeout: float = 30.0,
        retries: int = 3,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """`timeout` in seconds and for each attempt; `retries` are attempts after the first.

        `ssl_context` is for a server whose certificate is of your own authority.
        """
        url = httpx.URL(base_url)
        if url.scheme not in ("http", "https") or not url.host or url.userinfo:
            raise ValueError("base_url is like https://kenal.example.org, without a password")
        self._shown = str(url)
        # As a bearer: httpx hides this header, and no other, when it shows headers.
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        http = httpx.Client(
            base_url=url,
            headers=headers,
            timeout=timeout,
            verify=ssl_context or True,
            # Shorter than the server's: it shall not close a connection as we write to it.
            limits=httpx.Limits(keepalive_expiry=3.0),
        )
        self._transport = Transport(http, retries)
        self.users = Users(self._transport)
        self.photos = Photos(self._transport)
        self.devices = Devices(self._transport)

    def __repr__(self) -> str:
        return f"Kenal({self._shown!r})"

    def __enter__(self) -> Kenal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End its connections."""
        self._transport.close()

    def recognize(self, photo: PhotoSource, *, limit: int = 1) -> Recognition:
        """Who the largest face of the photo is, with at most `limit` candidates."""
        return parse(Recognition, self._recognize(photo, {"limit": str(limit)}))

    def recognize_all(self, photo: PhotoSource, *, limit: int = 1) -> RecognitionOfAll:
        """Who each face of the photo is."""
        options = {"limit": str(limit), "faces": "all"}
        return parse(RecognitionOfAll, self._recognize(photo, options))

    def verify(self, user_id: str, photo: PhotoSource) -> Recognition:
        """Whether the largest face is this person; raises NotFound where there is none such."""
        return parse(Recognition, self._recognize(photo, {"user_id": user_id}))

    def compare(self, photo: PhotoSource, reference: PhotoSource) -> Comparison:
        """Whether two photos show one person; nobody has to be enrolled."""
        photos = {"photo": read_photo(photo), "reference": read_photo(reference)}
        return parse(Comparison, self._transport.send(Ask("POST", "/compare", photos=photos)))

    def detect(self, photo: PhotoSource) -> Detection:
        """The faces of a photo and how well they can be seen."""
        photos = {"photo": read_photo(photo)}
        return parse(Detection, self._transport.send(Ask("POST", "/detect", photos=photos)))

    def check_in(
        self,
        photo: PhotoSource,
        *,
        device_id: str | None = None,
        captured_at: datetime | None = None,
        direction: str | None = None,
        event_id: str | None = None,
    ) -> CheckInResult:
        """Check in whom the photo shows; open only where `grant` is true.

        `captured_at` is now unless given, `device_id` that of the key. To send a check-in again
        after this call failed, give the same `event_id` and `captured_at` both times.
        """
        moment = datetime.now(timezone.utc) if captured_at is None else captured_at
        form = {"event_id": event_id or str(uuid.uuid4()), "captured_at": _time(moment)}
        if device_id is not None:
            form["device_id"] = device_id
        if direction is not None:
            form["direction"] = direction
        ask = Ask("POST", "/checkins", form=form, photos={"photo": read_photo(photo)})
        return parse(CheckInResult, self._transport.send(ask))

    def checkin(self, event_id: str) -> CheckIn:
        """One check-in."""
        return parse(CheckIn, self._transport.send(Ask("GET", f"/checkins/{part(event_id)}")))

    def checkins(
        self,
        *,
        user_id: str | None = None,
        device_id: str | None = None,
        decision: str | None = None,
        direction: str | None = None,
        source: str | None = None,
        review: bool | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Iterator[CheckIn]:
        """Check-ins, newest first: from `start` on, before `end`, after corrections."""
        wanted = {
            "user_id": user_id,
            "device_id": device_id,
            "decision": decision,
            "direction": direction,
            "source": source,
            "review": None if review is None else str(review).lower(),
            "from": start and _time(start),
            "to": end and _time(end),
        }
        ask = Ask("GET", "/checkins", {**said(wanted), "limit": PAGE})
        return (parse(CheckIn, row) for row in self._transport.pages(ask, "checkins"))

    def attendance(
        self, start: date, end: date, *, user_id: str | None = None, timezone: str | None = None
    ) -> Iterator[Attendance]:
        """First in and last out by day and person; both days are included."""
        wanted = said({"user_id": user_id, "timezone": timezone})
        wanted |= {"from": start.isoformat(), "to": end.isoformat(), "limit": PAGE}
        rows = self._transport.pages(Ask("GET", "/attendance", wanted), "attendance")
        return (parse(Attendance, row) for row in rows)

    def heartbeat(
        self,
        device_id: str,
        *,
        version: str | None = None,
        queue_length: int | None = None,
        clock: datetime | None = None,
    ) -> Heartbeat:
        """Say how a device is, and learn what it should know; `clock` is now unless given."""
        moment = datetime.now(timezone.utc) if clock is None else clock
        body = said({"version": version, "queue_length": queue_length})
        body["clock"] = _time(moment)
        ask = Ask("POST", f"/devices/{part(device_id)}/heartbeat", json=body)
        return parse(Heartbeat, self._transport.send(ask))

    def _recognize(self, photo: PhotoSource, form: dict[str, str]) -> dict[str, object]:
        photos = {"photo": read_photo(photo)}
        return self._transport.send(Ask("POST", "/upload_photo", form=form, photos=photos))


def _time(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone: datetime.now(timezone.utc)")
    return moment.astimezone(timezone.utc).isoformat()
