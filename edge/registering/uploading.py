"""Photos of a folder on their way to the server; those that it answered for are noted."""

import uuid
from collections.abc import Sequence

from edge.registering.enroll import Enroller, Kind
from edge.registering.folder import Report
from edge.registering.ids import candidates
from edge.registering.photos import Examined
from edge.registering.pictures import PictureError, read_photo
from edge.registering.taken import SERVER, Taken
from edge.registering.types import RegisterError


class ServerAwayError(RegisterError):
    """The server takes nothing more now; what was taken is not sent again."""


class Uploader:
    """Sends one person's photos after another's."""

    def __init__(self, enroller: Enroller, taken: Taken, is_fixed: bool) -> None:
        """`is_fixed`: no other user_id will do, for it is known on this device already."""
        self._enroller, self._taken, self._is_fixed = enroller, taken, is_fixed

    def send(self, name: str, user_id: str, photos: Sequence[Examined], report: Report) -> None:
        """Raises ServerAwayError, or RegisterError where none can be this person's."""
        left = list(photos)
        try:
            user_id = self._claimed(name, user_id)
            while left:
                self._take(name, user_id, left[0], report)
                left.pop(0)
        except ServerAwayError:
            for one in left:
                report.leave(one.path)
            raise

    def _take(self, name: str, user_id: str, one: Examined, report: Report) -> None:
        if self._taken.word(SERVER, user_id, one.sha256) is not None:
            report.known += 1
            return
        try:
            self._send(name, user_id, one, report)
        except PictureError as error:
            report.refuse(one.path, str(error))

    def _claimed(self, name: str, user_id: str) -> str:
        others = iter([] if self._is_fixed else candidates(name))
        chosen: str | None = user_id
        words = ""
        while chosen is not None:
            answer = self._enroller.person(chosen, name, str(uuid.uuid4()))
            if answer.kind is Kind.DONE:
                return chosen
            words = answer.text
            if answer.kind is Kind.WAITS:
                raise ServerAwayError(words)
            chosen = next(others, None) if answer.kind is Kind.OTHER else None
        raise RegisterError(words)

    def _send(self, name: str, user_id: str, one: Examined, report: Report) -> None:
        data = one.sample.jpeg
        if not data:
            photo = read_photo(one.path)
            if photo.sha256 != one.sha256:
                raise PictureError("it was changed meanwhile")
            data = photo.data
        answer = self._enroller.photo(user_id, data, f"folder-{user_id}-{one.sha256}")
        if answer.kind is Kind.WAITS:
            raise ServerAwayError(answer.text)
        is_refused = answer.kind is not Kind.DONE
        self._taken.note(SERVER, user_id, one.sha256, answer.text if is_refused else "")
        if is_refused:
            raise PictureError(answer.text)
        report.taken += 1
        report.remark(name, answer.text)
