"""Who asks, and what they may: scopes and callers."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a key may do. `admin` may do what `identify`, `enroll` and `read` may, and the rest."""

    IDENTIFY = "identify"
    ENROLL = "enroll"
    READ = "read"
    ADMIN = "admin"
    DEVICE = "device"


_OF_ADMIN = frozenset([Scope.IDENTIFY, Scope.ENROLL, Scope.READ, Scope.ADMIN])


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request: a key, or this machine where no keys are asked for.

    `device_id` is the device that the key is bound to.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    device_id: str | None = None

    def may(self, wanted: Collection[Scope]) -> bool:
        """Whether any one of `wanted` is granted."""
        held = self.scopes | _OF_ADMIN if Scope.ADMIN in self.scopes else self.scopes
        return not held.isdisjoint(wanted)

    def acts_for(self, device_id: str) -> bool:
        """Whether what this caller sends comes from the device itself."""
        return self is LOCAL or (self.device_id is not None and self.device_id == device_id)


LOCAL = Caller("local", "this machine", frozenset(Scope))
"""Any program on this machine, with KENAL_AUTH=off."""
