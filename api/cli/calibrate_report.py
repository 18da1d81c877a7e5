"""What `flask calibrate` says: in lines, with what is known and what is not."""

from collections.abc import Iterator

from api.schemas import of_time
from core.rates import fpir_of
from core.types import EmbeddingSpec
from db import faces
from db.calibration_models import Calibration
from db.judged import Judged, judged_at
from db.session import Database
from evaluation.calibrating import Compared, DataKind, Target, TargetKind
from evaluation.calibration import Proposal
from evaluation.embedding import OnProgress, refusals
from pipeline.duplicates import Duplicates
from pipeline.standing import Basis, Range, Standing
from pipeline.thresholds import Threshold

_MOST_FACES = 20_000
"""Up to so many, everybody is compared with everybody within a minute or so."""


def proposal_lines(
    found: Compared, target: Target, proposal: Proposal, now: Threshold, faces_now: int
) -> Iterator[str]:
    """What was compared, and the proposed threshold beside the present one."""
    yield (
        f"compared: {found.genuine.size:,} times one person, {proposal.rate.trials:,} times two,"
        f" of {_counted(found.people, 'person', 'people')} in"
        f" {_counted(found.couples, 'couple', 'couples')} ({found.kind})"
    )
    if found.unusable:
        codes = ", ".join(f"{count:,} {code}" for code, count in refusals(found.unusable).items())
        yield f"left out: {len(found.unusable):,} photos that cannot be used ({codes})"
    yield f"now:      {now.value:.4f}, {now.words}"
    yield f"proposed: {proposal.threshold:.4f} for {_target(target)}"
    fmr = Range(proposal.interval.low, proposal.interval.high)
    yield (
        f"two people taken for one (FMR): {proposal.rate.errors:,} of {proposal.rate.trials:,};"
        f" {_between(fmr)}, below {_percent(proposal.bound)} with 95 % confidence"
    )
    yield f"one person refused (FNMR): {_refused(found, proposal)}"
    for size in _sizes(target, faces_now):
        at_most = _percent(fpir_of(proposal.bound, size))
        yield (
            f"strangers given a name among {size:,} faces: {_between(fmr.among(size))},"
            f" below {at_most} with 95 % confidence"
        )
    if proposal.threshold < now.value:
        yield "It is lower than now: strangers who are refused today may be given a name."


def change_lines(
    database: Database,
    spec: EmbeddingSpec,
    now: float,
    proposal: Proposal,
    on_progress: OnProgress,
) -> list[str]:
    """What the other threshold changes for those who are enrolled and for what is recorded."""
    with database.read() as session:
        judged = judged_at(session, now, proposal.threshold)
        count = faces.count(session, spec)
    people = _of_people(
        database, spec, now, proposal.threshold, count=count, on_progress=on_progress
    )
    return [people, _of_check_ins(judged, now)]


def standing_lines(found: Standing, row: Calibration | None, embedder: str) -> Iterator[str]:
    """The threshold in force and what is known of it; `row` is the recorded calibration."""
    yield f"{embedder}: {found.threshold.value:.4f}, {found.threshold.words}"
    if row is not None:
        yield f"calibration {row.id}: {_made(row)}"
        if found.threshold.in_force is None:
            yield f"Calibration {row.id} is not in force: what an operator wrote down wins."
    if found.fmr is None:
        yield "strangers given a name: not known; nobody measured it at this threshold"
    for times in (1, 10):
        fpir = found.fpir(times)
        if fpir is not None and found.faces:
            yield f"strangers given a name among {found.faces * times:,} faces: {_between(fpir)}"
    if found.basis is Basis.REGISTRY:
        yield "That is from what was measured of the network on other people's photos."
    if found.warning is not None:
        yield f"warning: {found.warning}"


def history_line(row: Calibration, embedder: str) -> str:
    """One calibration in columns: number, network, threshold, what for, of what, when, by whom."""
    withdrawn = "stands"
    if row.withdrawn_at is not None:
        withdrawn = f"withdrawn {of_time(row.withdrawn_at)} by {row.withdrawn_by}"
    made = f"{of_time(row.created_at)} by {row.created_by} with {row.tool}"
    digest = row.data_sha256[:12]
    columns = (str(row.id), embedder, f"{row.threshold:.4f}", _made(row), digest, made, withdrawn)
    return "\t".join(columns)


def _made(row: Calibration) -> str:
    among = f" among {row.gallery_size:,} faces" if row.gallery_size else ""
    return (
        f"{row.threshold:.4f} for {row.target_kind.upper()} {row.target:g}{among};"
        f" {row.false_matches:,} of {row.impostors:,} comparisons of {row.people:,} people"
        f" ({row.data_kind})"
    )


def _target(target: Target) -> str:
    if target.kind is TargetKind.FMR:
        return f"FMR {target.value:g}"
    return f"FPIR {target.value:g} among {target.gallery_size:,} faces (FMR {target.fmr:.3g})"


def _sizes(target: Target, faces_now: int) -> list[int]:
    """The gallery of now, ten of it, and the one that was asked for."""
    wanted = [faces_now, faces_now * 10, target.gallery_size or 0]
    return sorted({size for size in wanted if size})


def _refused(found: Compared, proposal: Proposal) -> str:
    fnmr = proposal.fnmr
    if fnmr is None:
        return "not known; nobody has two photos"
    span = found.fnmr_interval(proposal.threshold)
    said = f"{fnmr.errors:,} of {fnmr.trials:,}; {_between(Range(span.low, span.high))}"
    if found.kind is DataKind.GALLERY:
        said += " (enrolled photos look alike, or they had been refused: a camera's fare worse)"
    return said


def _between(found: Range) -> str:
    return f"{_percent(found.low)} to {_percent(found.high)}"


def _percent(rate: float) -> str:
    return f"{rate * 100:.3g} %"


def _of_people(
    database: Database,
    spec: EmbeddingSpec,
    now: float,
    proposed: float,
    *,
    count: int,
    on_progress: OnProgress,
) -> str:
    if count > _MOST_FACES:
        return f"enrolled people who look the same: see flask users duplicates --threshold {now:g}"
    alike: dict[tuple[str, str], float] = {}
    omitted = 0
    for step in Duplicates(database, spec, min(now, proposed)).steps():
        omitted += step.omitted
        for pair in step.pairs:
            alike[pair.people] = max(pair.similarity, alike.get(pair.people, -1.0))
        on_progress("comparing the enrolled", step.scanned, step.total)
    before, after = (sum(value >= least for value in alike.values()) for least in (now, proposed))
    least = "at least " if omitted else ""
    return (
        f"enrolled people who look the same: {least}{before:,} couples now,"
        f" {least}{after:,} at the proposed threshold"
    )


def _of_check_ins(judged: Judged, now: float) -> str:
    if not judged.matches + judged.unnamed:
        return f"check-ins judged at {now:.4f}: none"
    return (
        f"check-ins judged at {now:.4f}: of {judged.matches:,} matches {judged.below:,} would have"
        f" been refused; of {judged.unnamed:,} without a name {judged.above:,} might have got one,"
        " who else was near is not recorded. None is judged again"
    )


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
