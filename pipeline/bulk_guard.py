"""A converter's steps for many photos, where one photo's trouble is never another's."""

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from core.errors import KenalError, ServiceError
from core.logs import describe
from core.names import printable
from pipeline.bulk_commit import Claim, Ready, Result
from pipeline.converter import Content, Converter
from pipeline.ledger import Outcome, Refusal, Start

_log = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")
B = TypeVar("B")


class InternalError(ServiceError):
    """A fault of ours: the photo stays pending and is tried again."""

    code = "internal"


class GuardedSteps:
    """`Converter.begin` and `finish`, which never raise here."""

    def __init__(self, converter: Converter) -> None:
        self._converter = converter

    def begin(self, contents: Sequence[Content], alone: bool) -> list[Outcome | Start | Refusal]:
        """As the converter's; a Refusal, not recorded yet, where that could not be noted."""
        return isolated(
            lambda some: self._converter.begin(some, alone=alone),
            contents,
            lambda content, error: content.refused(_ours(content.name.key, error)),
        )

    def finish(self, results: Sequence[Result]) -> list[Outcome | None]:
        """As the converter's, for the first ones; what could not be committed is refused for now.

        None where not even that could be recorded (database busy, disk full): the row is as it
        was, and the next scan finds the file again.
        """
        tried = isolated(self._converter.finish, results, _refused)
        refused: list[Result] = [one for one in tried if isinstance(one, Refusal)]
        recorded = iter(self._recorded(refused))
        return [next(recorded) if isinstance(one, Refusal) else one for one in tried]

    def give_back(self, claims: Sequence[Claim]) -> None:
        """As the converter's; where it fails they only seem to have been cut off."""
        try:
            if claims:
                self._converter.give_back(claims)
        except Exception as error:  # noqa: BLE001 - nothing is lost by it
            _log.warning("photos that were not tried count as begun [%s]", describe(error))

    def _recorded(self, refused: Sequence[Result]) -> list[Outcome | None]:
        recorded: list[Outcome | None] = []
        while len(recorded) < len(refused):
            recorded += isolated(self._converter.finish, refused[len(recorded) :], _lost)
        return recorded


def isolated(
    work: Callable[[Sequence[T]], Sequence[R]],
    items: Sequence[T],
    blame: Callable[[T, Exception], B],
) -> list[R | B]:
    """`work` on all items at once; where a fault of ours ends that, on each by itself.

    `work` may answer for the first ones only, and so does this then. `blame` answers for an item
    at which it failed, or for all where the database refused.
    """
    if not items:
        return []
    try:
        return [*work(items)]
    except KenalError as error:
        return [blame(item, error) for item in items]
    except Exception as error:  # noqa: BLE001 - a photo must never end its worker
        if len(items) == 1:
            return [blame(items[0], error)]
        return [answer for item in items for answer in isolated(work, [item], blame)]


def unexpected(key: str, error: BaseException) -> InternalError:
    """What the ledger says of an error that no code expected; the log says a little more."""
    _log.error("%s: internal error [%s]", key, describe(error))
    return InternalError("an internal error; it will be tried again")


def _ours(key: str, error: Exception) -> KenalError:
    if not isinstance(error, KenalError):
        return unexpected(key, error)
    _log.warning("%s: %s", key, error.code)
    return error


def _refused(result: Result, error: Exception) -> Refusal:
    said = _ours(_key(result), error)
    return result.refused(said) if isinstance(result, Ready) else result


def _lost(result: Result, error: Exception) -> None:
    _log.error("%s: its state could not be recorded [%s]", _key(result), describe(error))


def _key(result: Result) -> str:
    return printable(result.name.path if isinstance(result, Ready) else result.path)
