"""What a view works with: the services of this process."""

from collections.abc import Callable
from typing import TypeVar, cast

from flask import current_app, g

from pipeline.commit import SpaceLeft
from pipeline.services import Engine, Services

EXTENSION = "kenal"
T = TypeVar("T")


def services() -> Services:
    return cast(Services, current_app.extensions[EXTENSION])


def engine() -> Engine:
    """The loaded networks and gallery; raises NotReady, or what keeps them from starting.

    The same one for a whole request: its answer is of one space, whatever is switched meanwhile.
    """
    if "engine" not in g:
        g.engine = services().engine()
    return cast(Engine, g.engine)


def in_one_space(work: Callable[[Engine], T]) -> T:
    """What `work` gives with the engine of this request.

    Where another space came into force before it was committed, all of it again in that one.
    """
    try:
        return work(engine())
    except SpaceLeft:
        # Nothing of it was enrolled. A process that has not loaded the other one raises again.
        del g.engine
        return work(engine())
