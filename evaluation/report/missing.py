"""Why a figure is not there: what the data would have to hold."""

from evaluation.verification import Verification

SEARCHES = "not measured: needs two people, and two photos of one"
OF_ENROLLED = "not measured: needs a second photo of somebody enrolled"
OF_STRANGERS = "not measured: needs people who are not enrolled"
_OF_ONE, _OF_TWO = "pairs of one person", "pairs of two people"


def missing(found: Verification, *, of_one: bool = True, of_two: bool = True) -> str | None:
    """Which of the wanted kinds of pairs the data does not have; None where it has them."""
    wanted = ((of_one, found.fnmr.trials, _OF_ONE), (of_two, found.fmr.trials, _OF_TWO))
    names = [name for is_wanted, trials, name in wanted if is_wanted and not trials]
    return f"not measured: needs {' and '.join(names)}" if names else None
