"""Every way Kenal can refuse, with a stable code.

KenalError
├── RequestError      missing_file empty_file bad_json invalid_parameter unauthorized forbidden
│                     not_found method_not_allowed too_large unsupported_media_type rate_limited
├── ConflictError     conflict idempotency_conflict face_conflict network_not_served
├── PhotoError        image_too_large unsupported_image image_corrupt no_face multiple_faces
│                     face_too_small low_quality spoof_suspected not_fresh
├── FileError         invalid_name not_regular_file unreadable vanished (the ledger's own)
└── ServiceError      busy not_ready model_unavailable model_error storage_full internal

`code` is a contract with integrators, `retryable` with workers: the same input may succeed later.
Messages and details are shown to users: no path of the server, no key, no vector, no traceback.
"""

from collections.abc import Mapping
from typing import ClassVar


class KenalError(Exception):
    """A refusal with a stable code; `details` holds JSON values that help a person act on it."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    retry_after_seconds: int | None = None
    """When it may succeed, where that is known better than by the code."""

    def __init__(self, message: str, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, object] = dict(details or {})


class RequestError(KenalError):
    """The request itself cannot be served as it stands."""

    code = "invalid_parameter"


class MissingFile(RequestError):
    code = "missing_file"


class EmptyFile(RequestError):
    code = "empty_file"


class BadJson(RequestError):
    code = "bad_json"


class InvalidParameter(RequestError):
    code = "invalid_parameter"


class Unauthorized(RequestError):
    code = "unauthorized"


class Forbidden(RequestError):
    code = "forbidden"


class NotFound(RequestError):
    code = "not_found"


class MethodNotAllowed(RequestError):
    code = "method_not_allowed"


class TooLarge(RequestError):
    code = "too_large"


class UnsupportedMediaType(RequestError):
    code = "unsupported_media_type"


class RateLimited(RequestError):
    code = "rate_limited"
    retryable = True

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ConflictError(KenalError):
    """The request contradicts what is already stored; what is stored stays."""

    code = "conflict"


class IdempotencyConflict(ConflictError):
    code = "idempotency_conflict"


class FaceConflict(ConflictError):
    """The face contradicts the enrolled ones: a stranger's, or the same photo under two ids."""

    code = "face_conflict"


class NetworkNotServed(ConflictError):
    """Nobody embeds the gallery with the network that a device recognizes with."""

    code = "network_not_served"


class PhotoError(KenalError):
    """The photo was read and cannot be used; another photo can."""


class ImageTooLarge(PhotoError):
    code = "image_too_large"


class UnsupportedImage(PhotoError):
    code = "unsupported_image"


class ImageCorrupt(PhotoError):
    code = "image_corrupt"


class NoFace(PhotoError):
    code = "no_face"


class MultipleFaces(PhotoError):
    code = "multiple_faces"


class FaceTooSmall(PhotoError):
    code = "face_too_small"


class LowQuality(PhotoError):
    code = "low_quality"


class SpoofSuspected(PhotoError):
    code = "spoof_suspected"


class NotFresh(PhotoError):
    """A frame of a live stream that is not of this moment any more: the newest one can be used."""

    code = "not_fresh"


class FileError(KenalError):
    """A file in the drop folder that cannot become a photo as it stands."""


class InvalidName(FileError):
    code = "invalid_name"


class NotRegularFile(FileError):
    code = "not_regular_file"


class Unreadable(FileError):
    code = "unreadable"
    retryable = True


class Vanished(FileError):
    """The file went away, or was changed, while it was being enrolled."""

    code = "vanished"


class ServiceError(KenalError):
    """Kenal cannot do it now; the request was fine."""

    retryable = True


class Busy(ServiceError):
    code = "busy"


class NotReady(ServiceError):
    code = "not_ready"


class ModelUnavailable(ServiceError):
    """Weights are missing or are not the pinned ones: nothing is ever embedded without them."""

    code = "model_unavailable"


class ModelError(ServiceError):
    """A network's answer is no embedding; it is never stored or compared."""

    code = "model_error"
    retryable = False


class StorageFull(ServiceError):
    code = "storage_full"
