"""The comparison as a Markdown table, and what a reader needs to judge it."""

from collections.abc import Mapping, Sequence

from benchmarks.index_results import Head, Row

_NONE = "–"


def table(head: Head, rows: Sequence[Row]) -> str:
    """The page of one gallery; engines that gave nothing stand below with the reason."""
    groups = sorted({group for row in rows for group in row.recall or ()})
    names = [
        *("engine", "setting", *(f"recall@1 {group}" for group in groups)),
        *("p50 ms", "p99 ms", "p50 / exact", "build s", "build peak MB"),
        *("disk MB", "RSS MB", "anon MB"),
    ]
    measured = [_cells(row, groups) for row in rows if row.recall is not None]
    notes = [f"- {row.engine}: {row.note}" for row in rows if row.note]
    lines = [*_introduction(head, rows), "", *markdown(names, measured)]
    return "\n".join([*lines, *(["", *notes] if notes else []), ""])


def markdown(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table: the first column to the left, numbers to the right."""
    rule = ["---", *("---:" for _ in names[1:])]
    return [f"| {' | '.join(cells)} |" for cells in [names, rule, *rows]]


def _introduction(head: Head, rows: Sequence[Row]) -> list[str]:
    shape, facts = head.shape, head.facts
    threads = sorted({row.build_threads for row in rows})
    versions = sorted({row.version for row in rows})
    return [
        f"# {shape.set}: {shape.count:,} faces of {shape.dim} dimensions",
        "",
        f"- {shape.queries} probes, one by one, on one thread; built on {_joined(threads)}.",
        f"- Cosine of a probe and the row it was made from: {_percents(facts.genuine)}.",
        f"- Cosine of a probe and any row: {_percents(facts.impostor)}.",
        f"- Participation ratio of the covariance: {facts.participation:.1f}.",
        f"- The exact best is a face of the right person for {facts.planted:.1%} of the probes;"
        " recall@1 counts how often the exact best is found.",
        f"- {head.machine}; {', '.join(versions)}.",
    ]


def _joined(threads: Sequence[int]) -> str:
    return f"{' or '.join(map(str, threads))} thread{'' if threads == [1] else 's'}"


def _percents(cosines: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in cosines.items())


def _cells(row: Row, groups: Sequence[str]) -> list[str]:
    recall = row.recall or {}
    return [
        row.engine,
        row.setting or _NONE,
        *(_number(recall.get(group), 3) for group in groups),
        *(_number(row.p50_ms, 2), _number(row.p99_ms, 2), _number(row.ratio, 3)),
        *(_number(row.build_s, 1), _number(row.build_peak_mb, 0), _number(row.disk_mb, 1)),
        *(_number(row.rss_mb, 0), _number(row.anon_mb, 0)),
    ]


def _number(value: float | None, digits: int) -> str:
    return _NONE if value is None else f"{value:,.{digits}f}"
