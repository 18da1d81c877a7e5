"""On what terms a face is enrolled: how good it must be, and whom it may contradict."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.access import Caller
from core.errors import LowQuality
from core.settings import EnrollMode
from pipeline.quality import MESSAGES, Issue, Quality, explained


@dataclass(frozen=True, slots=True)
class Override:
    """Whoever enrolls a face although it contradicts the enrolled ones."""

    by: Caller
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """`strict` refuses a face with any issue, and one that looks like another person's.

    With an `override`, what faces look like refuses nothing.
    """

    mode: EnrollMode = EnrollMode.STANDARD
    override: Override | None = None

    def check_quality(self, quality: Quality) -> None:
        """Raises LowQuality, with everything that is wrong in `details.issues`."""
        refused = quality.issues if self.mode is EnrollMode.STRICT else quality.hopeless
        if refused:
            words = "; ".join(MESSAGES[issue] for issue in refused)
            # Not only what refuses it: the next photo should be without the others, too.
            all_issues = [issue for issue in Issue if issue in {*quality.issues, *refused}]
            raise LowQuality(words, {"issues": explained(all_issues)})


@dataclass(frozen=True, slots=True)
class Remark:
    """A word about a face that is enrolled all the same."""

    code: str
    message: str
    details: Mapping[str, object] = field(default_factory=dict)

    def shown(self) -> dict[str, object]:
        return {"code": self.code, "message": self.message, **self.details}


def remarks_on(quality: Quality) -> list[Remark]:
    """One for each issue."""
    return [Remark(str(issue), MESSAGES[issue]) for issue in quality.issues]
