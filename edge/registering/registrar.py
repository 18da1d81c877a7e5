"""Where a registration goes: into this device's gallery, to the server, or both."""

from collections.abc import Sequence

from edge.embedding import Vector
from edge.registering.enroll import Enroller
from edge.registering.ids import checked_user_id, clean_name, is_same_name, user_id_of
from edge.registering.sending import Sending, Sent
from edge.registering.types import Embedder, Outcome, Person, RegisterError, Sample, Say, Store
from edge.registering.waiting import Job, Waiting

RESUME = "python -m edge register --resume sends what waits"


class Registrar:
    """Keeps people in the places that `register.to` names."""

    def __init__(
        self,
        to: str,
        waiting: Waiting,
        enroller: Enroller | None,
        embedder: Embedder | None,
        store: Store | None,
    ) -> None:
        """Raises RegisterError where something is missing for `to`: local, server or both."""
        self.is_local, self.is_server = to in ("local", "both"), to in ("server", "both")
        if self.is_local and (embedder is None or store is None):
            raise RegisterError("to register on this device, give recognition.network")
        if self.is_server and enroller is None:
            raise RegisterError("to register on the server, give server.url and register.key")
        self._waiting, self._enroller = waiting, enroller
        self._store, self._embedder = store, embedder

    @property
    def embedder(self) -> Embedder | None:
        """The network of the local gallery, where this device has one."""
        return self._embedder

    @property
    def enroller(self) -> Enroller | None:
        """The way to the server, where registrations go there."""
        return self._enroller if self.is_server else None

    def alike(self, user_id: str, vectors: Sequence[Vector]) -> list[float]:
        """How much each is like the person's samples here; -1 where there are none."""
        if self._store is None:
            return [-1.0] * len(vectors)
        return [like.get(user_id, -1.0) for like in self._store.similarities(vectors)]

    def samples(self, user_id: str) -> int:
        """How many the local gallery has of this person."""
        return sum(one.samples for one in self._people() if one.user_id == user_id)

    def named(self, name: str, user_id: str | None) -> tuple[str, str]:
        """The name and user_id that this person gets; raises RegisterError, before any picture."""
        name = clean_name(name)
        taken = {one.user_id: one.name for one in self._people()}
        if user_id is None:
            return name, user_id_of(name, taken)
        user_id = checked_user_id(user_id)
        for known, owner in taken.items():
            if known.casefold() == user_id.casefold() and not is_same_name(owner, name):
                raise RegisterError(f"{known} is the user_id of {owner or 'somebody else'}")
        return name, user_id

    def register(self, name: str, user_id: str | None, samples: Sequence[Sample]) -> Outcome:
        """Keeps samples of one person; raises RegisterError where nothing was kept."""
        name, chosen = self.named(name, user_id)
        here = self.keep_here(name, chosen, [one.vector for one in samples])
        if not self.is_server:
            return Outcome(True, f"registered {name}: {here}")
        is_fixed = user_id is not None or self.is_local
        job = self._waiting.add(chosen, name, is_fixed, [one.jpeg for one in samples])
        sent = self.send(job)
        there = "; ".join(part for part in (here, sent.text) if part)
        is_ok = bool(here or sent.enrolled or sent.waits)
        later = f" ({RESUME})" if sent.waits else ""
        return Outcome(is_ok, f"{'' if is_ok else 'not '}registered {name}: {there}{later}")

    def keep_here(self, name: str, user_id: str, vectors: Sequence[Vector | None]) -> str:
        """Adds samples to the local gallery, where they go there; what to say about it."""
        store, embedder = self._store, self._embedder
        if not self.is_local or store is None or embedder is None:
            return ""
        whole = [vector for vector in vectors if vector is not None]
        known = {one.user_id: one for one in store.people()}
        is_servers = user_id in known and known[user_id].source != "local"
        if is_servers and self.is_server:
            return "known here from the server"
        alike = self._compared(user_id, whole, embedder.threshold)
        store.add(user_id, name, whole)
        words = f"{len(whole)} here as {user_id}"
        return f"{words}; looks like {', '.join(alike)}, who is known already" if alike else words

    def send(self, job: Job) -> Sent:
        """Sends one registration that waits."""
        if self._enroller is None:
            raise RegisterError("to register on the server, give server.url and register.key")
        try:
            return Sending(self._waiting, self._enroller).send(job)
        except OSError as error:
            raise RegisterError(f"outbox.folder cannot be used: {error.strerror}") from None

    def resume(self, say: Say) -> Outcome:
        """Sends everything that waits, oldest first."""
        jobs, left = self._waiting.jobs(), 0
        for job in jobs:
            sent = self.send(job)
            say(f"{job.name}: {sent.text}")
            left += bool(sent.waits)
        broken = self._waiting.broken()
        words = [f"{len(jobs) - left} of {len(jobs)} registrations answered"]
        words += [f"{broken} cannot be read: delete them in outbox.folder"] if broken else []
        return Outcome(not left and not broken, "; ".join(words))

    def _people(self) -> Sequence[Person]:
        return [] if self._store is None else self._store.people()

    def _compared(self, user_id: str, vectors: Sequence[Vector], threshold: float) -> list[str]:
        """Who else looks like this; raises RegisterError where this person looks different."""
        if self._store is None:
            return []
        found = self._store.similarities(vectors)
        own = [like[user_id] >= threshold for like in found if user_id in like]
        if own and 2 * sum(own) <= len(own):
            raise RegisterError(
                f"the face does not look like {user_id}, who is known already:"
                " for somebody of the same name give another --user-id"
            )
        others = {one for like in found for one in like if like[one] >= threshold}
        return sorted(others - {user_id})
