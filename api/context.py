"""What a view works with: the services of this process."""

from typing import cast

from flask import current_app, g

from pipeline.services import Engine, Services

EXTENSION = "kenal"


def services() -> Services:
    return cast(Services, current_app.extensions[EXTENSION])


def engine() -> Engine:
    """The loaded networks and gallery; raises NotReady, or what keeps them from starting.

    The same one for a whole request: its answer is of one space, whatever is switched meanwhile.
    """
    if "engine" not in g:
        g.engine = services().engine()
    return cast(Engine, g.engine)
