"""Who is meant, in a gallery where a name can be several people's."""

from collections.abc import Callable, Sequence
from typing import TextIO

from edge.registering.folder import shown
from edge.registering.ids import is_same_name
from edge.registering.taken import Taken
from edge.registering.types import Person, RegisterError, Store
from edge.registering.waiting import Waiting

Ask = Callable[[str], str]


def matching(people: Sequence[Person], who: str) -> list[Person]:
    """The one of this user_id, else everybody of this name."""
    exact = [one for one in people if one.user_id == who]
    return exact or [one for one in people if is_same_name(one.name, who)]


def one_of(people: Sequence[Person], who: str, ask: Ask | None) -> Person:
    """Whom `who` means; raises RegisterError where nobody, or several and nobody to ask."""
    found = matching(people, who)
    if not found:
        raise RegisterError(f"nobody of the user_id or name {shown(who)} is known here")
    if len(found) == 1:
        return found[0]
    listed = ", ".join(one.user_id for one in found)
    if ask is None:
        raise RegisterError(f"several people have this name: give a user_id of {listed}")
    chosen = ask(f"which of {listed}? ").strip()
    for one in found:
        if one.user_id == chosen:
            return one
    raise RegisterError("none of them: nothing was changed")


def list_people(store: Store, waiting: Waiting, out: TextIO) -> int:
    """Writes everybody, one a line."""
    people = store.people()
    for one in people:
        name = shown(one.name or "-")
        out.write(f"{one.user_id:32} {name:32} {one.samples:3} samples, {one.source}\n")
    out.write(f"{len(people)} known here\n")
    jobs, broken = waiting.jobs(), waiting.broken()
    if jobs or broken:
        out.write(f"{len(jobs)} waiting for the server, {broken} that cannot be read\n")
    return 0


def delete_person(
    store: Store, waiting: Waiting, taken: Taken, who: str, *, ask: Ask | None, out: TextIO
) -> int:
    """Forgets somebody of this device and what waits of them; `ask` None: without asking."""
    person = one_of(store.people(), who, ask)
    if person.source != "local":
        raise RegisterError(f"{person.user_id} comes from the server: delete them there")
    shown_as = f"{person.user_id} ({shown(person.name or '-')})"
    if ask is not None and ask(f"delete {shown_as}? [y/N] ").strip().lower() not in ("y", "yes"):
        out.write("nothing was changed\n")
        return 1
    for job in waiting.jobs():
        if job.user_id == person.user_id:
            waiting.end(job)
    store.delete(person.user_id)
    taken.forget(person.user_id)
    out.write(f"deleted {shown_as} on this device; the server keeps whom it knows\n")
    return 0
