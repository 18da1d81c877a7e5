"""What every network shares: loaded once, on first need, never at import or before a fork."""

import threading
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

Loaded = TypeVar("Loaded")


class LoadOnce(ABC, Generic[Loaded]):
    """Holds one loaded network; any number of threads may ask for it at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: Loaded | None = None

    def load(self) -> None:
        """Load now instead of at the first use; raises ModelUnavailable."""
        self.network()

    def network(self) -> Loaded:
        """The loaded network; a load that failed is tried again by the next caller."""
        loaded = self._loaded
        if loaded is None:
            with self._lock:
                if self._loaded is None:
                    self._loaded = self._load()
                loaded = self._loaded
        return loaded

    @abstractmethod
    def _load(self) -> Loaded:
        """Check and read the weights; raises ModelUnavailable."""
