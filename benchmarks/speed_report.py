"""What one run of the speed benchmark measured, and its page: targets first, then the tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.index_tables import markdown
from benchmarks.speed_accuracy import Accuracy, Found
from benchmarks.speed_bulk import Enrolled
from benchmarks.speed_process import BASELINE, DEEPFACE, Measured
from benchmarks.speed_profile import BASELINE_STAGES, STAGES
from benchmarks.speed_sample import NOT_MEASURED, number, ratio
from benchmarks.speed_served import Served
from benchmarks.speed_targets import targets

BEGIN = "<!-- measured: make bench writes from here -->"
END = "<!-- measured: to here -->"


@dataclass(frozen=True, slots=True)
class Report:
    """None where a part was not asked for. `facenet` is the id that was served."""

    head: Sequence[str]
    facenet: str
    process: Measured | None = None
    profile: Measured | None = None
    served: Served | None = None
    bulk: Mapping[str, Enrolled] | None = None
    starts: Mapping[int, Sequence[float]] | None = None
    accuracy: tuple[Found, Sequence[Accuracy]] | None = None

    def page(self) -> str:
        """Everything, as Markdown."""
        lines = ["# One photo, from bytes to identity", "", self.figures()]
        for part in (_process, _profile, _served, _bulk, _starts, _accuracy):
            lines += part(self)
        return "\n".join([*lines, ""])

    def figures(self) -> str:
        """The machine and the targets, as Markdown."""
        rows = [target.cells() for target in targets(self)]
        return "\n".join([*self.head, "", *markdown(["what", "target", "measured", ""], rows)])


def with_figures(document: str, figures: str) -> str:
    """The document with these between its two marks; raises ValueError where it has none."""
    before, rest = document.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}"


def _process(report: Report) -> list[str]:
    if report.process is None:
        return []
    rows = []
    for (program, photo), timing in report.process.items():
        theirs = report.process[BASELINE, photo]
        part, work = ratio(timing.p50, theirs.p50), ratio(timing.cpu, theirs.cpu)
        figures = [timing.p50, timing.p95, part or 0, timing.cpu, work or 0]
        rows.append([program, photo, str(len(timing.samples)), *map(number, figures)])
    if not any(program == DEEPFACE for program, _ in report.process):
        rows.append([DEEPFACE, "not installed", *[NOT_MEASURED] * 6])
    names = ["program", "photo", "times", "p50 ms", "p95 ms", "p50 / baseline"]
    table = markdown([*names, "CPU ms", "CPU / baseline"], rows)
    return ["", "## In process", "", *table]


def _profile(report: Report) -> list[str]:
    if report.profile is None:
        return []
    lines = ["", "## Stages, median ms", ""]
    ours = [key for key in report.profile if key[0] not in (BASELINE, DEEPFACE)]
    theirs = [key for key in report.profile if key[0] == BASELINE]
    for keys, stages in ((ours, STAGES), (theirs, BASELINE_STAGES)):
        rows = []
        for key in keys:
            found = report.profile[key].stages()
            rows.append([*key, *(number(found.get(stage, 0.0)) for stage in stages)])
        lines += [*markdown(["program", "photo", *stages], rows), ""]
    return lines[:-1]


def _served(report: Report) -> list[str]:
    if report.served is None:
        return []
    rows = []
    for name, loads in ((report.facenet, report.served.kenal), (BASELINE, report.served.baseline)):
        for load in loads:
            figures = [load.timing.p50, load.timing.p95, load.per_second]
            counts = [str(len(load.timing.samples)), str(load.refused)]
            rows.append([name, str(load.clients), *counts, *map(number, figures)])
    names = ["program", "clients", "answers", "refused", "p50 ms", "p95 ms", "photos/s"]
    memory = [
        ["ready", *_megabytes(report.served.before_mb)],
        ["after the requests above", *_megabytes(report.served.after_mb)],
        *(
            [f"soak, step {step + 1}", *_megabytes(row)]
            for step, row in enumerate(report.served.soak_mb)
        ),
    ]
    workers = [f"worker {place + 1}, MB" for place in range(len(report.served.before_mb))]
    tables = [*markdown(names, rows), "", *markdown(["resident memory", *workers], memory)]
    return ["", "## POST /upload_photo, 640x480", "", *tables]


def _bulk(report: Report) -> list[str]:
    if report.bulk is None:
        return []
    rows = [
        [name, str(found.photos), str(found.enrolled)]
        + [number(value) for value in (found.per_second, found.cpu_ms, found.peak_mb)]
        for name, found in report.bulk.items()
    ]
    names = ["network", "photos", "enrolled", "photos/s", "CPU ms a photo", "peak MB"]
    return ["", "## Bulk enrollment, 640x480", "", *markdown(names, rows)]


def _starts(report: Report) -> list[str]:
    if report.starts is None:
        return []
    rows = [
        [f"{people:,}", ", ".join(f"{seconds:.2f}" for seconds in found)]
        for people, found in report.starts.items()
    ]
    table = markdown(["faces", "seconds until ready, each start"], rows)
    return ["", "## Start, everything prepared", "", *table]


def _accuracy(report: Report) -> list[str]:
    if report.accuracy is None:
        return []
    found, networks = report.accuracy
    rows = [
        [
            *(one.model_id, f"{one.threshold:g}", f"{one.pair.accuracy(one.threshold):.2%}"),
            str(one.pair.false_accepts(one.threshold)),
            str(one.pair.false_rejects(one.threshold)),
            *(f"{one.found} of {one.people}", str(one.wrong)),
        ]
        for one in networks
    ]
    names = ["network", "threshold", "pairs: accuracy", "accepts", "rejects"]
    said = (
        f"`detection`: {found.faces - found.missed} of {found.faces} faces found, "
        f"{found.extra} found that are none."
    )
    table = markdown([*names, "gallery: found", "wrong names"], rows)
    return ["", "## Accuracy", "", said, "", *table]


def _megabytes(values: Sequence[float]) -> list[str]:
    return [f"{value:.0f}" for value in values]
