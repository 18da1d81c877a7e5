"""What a device's key may be used for: its own device, and no other."""

import logging

from flask import request

from api import request_ids
from api.auth import caller
from api.context import services
from core.errors import Forbidden, KenalError
from core.logs import describe
from db import audit

_log = logging.getLogger(__name__)
_ACTION = 64


def check_own(device_id: str) -> None:
    """Raises Forbidden, and notes it in the audit, where the caller is not this device."""
    asked = caller()
    if asked.acts_for(device_id):
        return
    action = f"{request.method} {request.url_rule}"[:_ACTION]
    try:
        with services().database.write() as session:
            audit.note(
                session,
                asked,
                action,
                None,
                outcome=Forbidden.code,
                request_id=request_ids.current(),
            )
    except KenalError as error:
        _log.warning("a refusal is not in the audit [%s]", describe(error))
    raise Forbidden("this key acts for another device")
