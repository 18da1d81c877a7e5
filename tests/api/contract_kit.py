"""Every answer that a test sees is held against what its view declares."""

from flask import Flask, Response, request
from pydantic import ValidationError

from api.contract.base import Error
from api.contract.compreface_errors import PREFIX, CompreFaceError
from api.contract.errors import codes_by_status
from api.contract.operation import Operation, operation_of

NOT_ROUTED = frozenset(["not_found", "method_not_allowed", "unauthorized", "forbidden", "0", "10"])
"""Codes and, under /api/v1, numbers."""


class Contract:
    """The answers of an app that are not as they are declared."""

    def __init__(self, app: Flask) -> None:
        self.broken: list[str] = []
        self._app = app
        app.after_request(self._look)

    def check(self) -> None:
        """Fails with every answer that was not as declared."""
        assert self.broken == []

    def _look(self, response: Response) -> Response:
        said = operation_of(self._app, request.endpoint)
        wrong = None if request.method == "OPTIONS" else _wrong(said, response)
        if wrong is not None:
            self.broken.append(f"{request.method} {request.url_rule or '?'}: {wrong}")
        return response


def _wrong(said: Operation | None, response: Response) -> str | None:
    status = response.status_code
    if said is not None and said.answers == {200: None} and said.media_type == "application/json":
        return None
    try:
        if said is None or status not in said.answers:
            return _wrong_refusal(said, status, response)
        model = said.answers[status]
        if model is not None:
            model.model_validate_json(response.get_data())
        elif status == 204:
            return None if not response.get_data() else "a body where none is declared"
        elif response.mimetype == "application/json":
            return f"{status} is JSON without a declared model"
    except ValidationError as error:
        return f"{status} is not as declared: {error.errors(include_url=False)[:3]}"
    return None


def _wrong_refusal(said: Operation | None, status: int, response: Response) -> str | None:
    code = _code_of(response)
    if said is None or request.method not in (request.url_rule.methods or ()):  # type: ignore[union-attr]
        return None if code in NOT_ROUTED else f"{status} {code} without a view"
    declared = codes_by_status(said, bool(request.view_args))
    return None if code in declared.get(status, []) else f"{status} {code} is not declared"


def _code_of(response: Response) -> str:
    if request.path.startswith(PREFIX):
        return str(CompreFaceError.model_validate_json(response.get_data()).code)
    return Error.model_validate_json(response.get_data()).error.code
