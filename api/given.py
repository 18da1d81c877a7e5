"""What a request says in JSON, read by the model that describes it."""

from typing import TypeVar

from flask import Request
from pydantic import BaseModel, ValidationError

from api.bodies import read_json
from core.errors import InvalidParameter

Model = TypeVar("Model", bound=BaseModel)


def given(request: Request, model: type[Model], *, may_be_bare: bool = False) -> Model:
    """The body as `model`; raises InvalidParameter, and whatever `read_json` raises.

    A bare request, as `curl -X POST` alone sends it, says nothing and is `{}` where it may be.
    """
    is_bare = may_be_bare and not request.mimetype and not request.content_length
    try:
        return model.model_validate({} if is_bare else read_json(request))
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> InvalidParameter:
    # Never the given value, nor a stranger's own name for it.
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if not first["loc"]:
        return InvalidParameter(first["msg"].removeprefix("Value error, "))
    if first["type"] == "extra_forbidden":
        return InvalidParameter("the body has a field that is not known here")
    name = str(first["loc"][0])
    words = first["msg"].removeprefix("Value error, ")
    return InvalidParameter(f"{name}: {words}", {"parameter": name})
