"""What `flask index status` prints."""

from collections.abc import Iterator, Mapping, Sequence

from index import IndexReport, SegmentReport

_HEADING = ("segment", "faces", "live", "MB", "proposes", "search_k", "recall", "checked")


def described(report: IndexReport, work: Mapping[str, object] | None) -> Iterator[str]:
    """The lines that say what an index holds, and what the watcher builds now."""
    yield f"faces: {report.live_faces}"
    yield f"segments: {len(report.segments)}, changes after them: {report.delta}"
    yield f"removed faces still stored: {report.tombstones}"
    yield f"position: {report.position}, covered by segments: {report.covered}"
    yield f"degraded: {report.degraded or 'no'}"
    yield f"build: {'{stage} {done} of {total}'.format(**work) if work else 'none running'}"
    if report.segments:
        yield ""
        yield from _table([_HEADING, *(_cells(segment) for segment in report.segments)])


def _cells(segment: SegmentReport) -> tuple[str, ...]:
    return (
        segment.name,
        str(segment.count),
        str(segment.live),
        f"{segment.bytes / 1e6:.1f}",
        segment.proposer,
        str(segment.search_k) if segment.search_k else "-",
        f"{segment.recall:.4f}",
        "yes" if segment.checked else "not yet",
    )


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells in rows:
        right = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        yield "  ".join([name.ljust(widths[0]), *right]).rstrip()
