"""Which index finds the best face how often, how fast and at what cost: `make bench-index`.

Every engine is built and searched in processes of its own, one probe at a time on one thread. A
run goes on where the last one ended; --again measures anew. See benchmarks/README.md.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path

from benchmarks.index_data import Dataset, Shape
from benchmarks.index_engines import ENGINES, chosen, version
from benchmarks.index_plots import plot
from benchmarks.index_process import leave_nothing_behind
from benchmarks.index_results import Head, Results
from benchmarks.index_run import Limits, machine, run
from benchmarks.index_tables import table

SETS = ("isotropic", "realistic", "spectrum")


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _names(text: str) -> list[str]:
    return text.split(",")


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--sizes", type=_numbers, default=[10_000, 100_000, 1_000_000])
    add("--dims", type=_numbers, default=[512, 128])
    add("--sets", type=_names, default=["isotropic", "realistic"], help=f"of {', '.join(SETS)}")
    add("--engines", type=_names, default=["*"], help=f"of {', '.join(ENGINES)}; * is allowed")
    add("--queries", type=int, default=300)
    add("--limit", type=float, default=900, help="seconds for a build, and for its searches")
    add("--build-threads", type=int, default=1, help="of a build; searches have one")
    add("--work", type=Path, help="keeps galleries of up to 2 GB for the next run")
    add("--out", type=Path, default=Path("benchmarks/results"))
    add("--plot-dir", type=Path, help="where PNG files go; none without it")
    add("--again", action="store_true", help="measure what was measured before")
    parsed = parser.parse_args(given)
    parsed.engines = chosen(parsed.engines)
    if unknown := set(parsed.sets) - set(SETS):
        parser.error(f"no set is called {', '.join(sorted(unknown))}")
    return parsed


def _shapes(options: argparse.Namespace) -> Iterator[Shape]:
    for name, dim, count in product(options.sets, options.dims, options.sizes):
        yield Shape(name, count, dim, options.queries)


def _fits(engine: str, shape: Shape) -> bool:
    """A projection needs dimensions to leave out."""
    return not engine.startswith("annoy-pca128") or shape.dim > 128


def _todo(options: argparse.Namespace, shape: Shape) -> list[str]:
    present = {row.engine for row in Results(options.out, shape).rows()}
    wanted = [name for name in options.engines if _fits(name, shape)]
    return [name for name in wanted if options.again or name not in present]


def _measure(options: argparse.Namespace, shape: Shape, work: Path, counter: Iterator[str]) -> None:
    results = Results(options.out, shape)
    todo = _todo(options, shape)
    if not todo:
        return
    print(f"{shape}: making or opening the gallery", flush=True)
    dataset = Dataset.made(shape, work)
    head = Head(shape, dataset.facts, machine())
    results.save_head(head)
    for engine in todo:
        label = f"{next(counter)} {shape} {engine}"
        print(label, flush=True)
        limits = Limits(options.limit, options.build_threads)
        rows = run(engine, dataset, work, limits, partial(_progress, label))
        results.add(rows)
        results.table_path.write_text(table(head, results.rows()))
        for row in rows:
            print(f"    {row.setting} {_summary(row.mean_recall, row.p50_ms, row.ratio)}{row.note}")


def _progress(label: str, text: str) -> None:
    print(f"{label}: {text}", flush=True)


def _summary(recall: float | None, p50: float | None, ratio: float | None) -> str:
    if recall is None or p50 is None:
        return ""
    of_exact = "" if ratio is None else f", {ratio:.3f} of exact"
    return f"recall {recall:.3f}, p50 {p50:.2f} ms{of_exact}"


def _plot(options: argparse.Namespace) -> None:
    for name in options.sets:
        pages = []
        for shape in (shape for shape in _shapes(options) if shape.set == name):
            results = Results(options.out, shape)
            if head := results.head():
                pages.append((head, results.rows()))
        suffix = "" if name == "isotropic" else f"-{name}"
        if pages:
            plot(options.plot_dir / f"index-recall{suffix}.png", pages)


def _count(options: argparse.Namespace) -> Iterator[str]:
    total = sum(len(_todo(options, shape)) for shape in _shapes(options))
    print(f"{total} engine runs to do", flush=True)
    return (f"[{place}/{total}]" for place in range(1, total + 1))


def main() -> None:
    leave_nothing_behind()
    options = arguments()
    missing = {ENGINES[name].package for name in options.engines} - {"numpy"}
    if absent := sorted(package for package in missing if version(package) is None):
        raise SystemExit(f"not installed: {', '.join(absent)}; run: make setup-bench")
    with tempfile.TemporaryDirectory(prefix="kenal-bench-") as temporary:
        counter = _count(options)
        for shape in _shapes(options):
            _measure(options, shape, options.work or Path(temporary), counter)
    if options.plot_dir:
        _plot(options)


if __name__ == "__main__":
    main()
