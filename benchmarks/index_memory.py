"""What this process holds in memory, as the kernel counts it."""

import re
import resource
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes: resident, the part of it that is no mapped file, and the peak so far.

    The peak is the larger one of this process's own and of any ended child's.
    """

    resident: float
    anonymous: float
    peak: float


def memory() -> Memory | None:
    """Of this process, now; None where the kernel does not say."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    found = dict(re.findall(r"^(VmRSS|RssAnon|VmHWM):\s+(\d+) kB", status, re.MULTILINE))
    own = [int(found[name]) for name in ("VmRSS", "RssAnon", "VmHWM")]
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    resident, anonymous, peak = (value * 1024 / 1e6 for value in (*own[:2], max(own[2], child)))
    return Memory(resident, anonymous, peak)


def be_first_to_go() -> None:
    """Where memory runs out, let the kernel end this process and no other."""
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text("1000")
