"""All engines of the comparison by name."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch

from benchmarks.index_annoy import Annoy, ProjectedAnnoy
from benchmarks.index_engine import Engine
from benchmarks.index_exact import Exact
from benchmarks.index_faiss import Bits, Graph, Lists, RaBitQ
from benchmarks.index_graphs import Hnswlib, Usearch
from benchmarks.index_kenal import Kenal

ENGINES: Mapping[str, Engine] = {
    "exact-ram": Exact(in_memory=True),
    "exact-map": Exact(in_memory=False),
    "kenal": Kenal(),
    "annoy": Annoy(),
    "annoy-pca128-50": ProjectedAnnoy(128, 50),
    "annoy-pca128-150": ProjectedAnnoy(128, 150),
    "annoy-pca64-50": ProjectedAnnoy(64, 50),
    "annoy-pca64-150": ProjectedAnnoy(64, 150),
    "faiss-rabitq": RaBitQ("RaBitQ"),
    "faiss-rabitq-fastscan": RaBitQ("RaBitQfs"),
    "faiss-ivf": Lists(),
    "faiss-hnsw": Graph(),
    "faiss-bits128": Bits(128),
    "faiss-bits256": Bits(256),
    "usearch-f32": Usearch("f32"),
    "usearch-i8": Usearch("i8"),
    "hnswlib": Hnswlib(),
}


def chosen(patterns: Sequence[str]) -> list[str]:
    """The engines that match any of `patterns`; raises SystemExit where one matches none."""
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name in ENGINES):
            raise SystemExit(f"no engine is called {pattern!r}; there are: {', '.join(ENGINES)}")
    return [name for name in ENGINES if any(fnmatch(name, pattern) for pattern in patterns)]


def version(package: str) -> str | None:
    """The installed version of a distribution; None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
