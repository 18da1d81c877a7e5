"""What this process holds in memory, as the kernel counts it."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes: resident, the part of it that is no mapped file, and the peak so far."""

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
    kilobytes = [int(found[name]) for name in ("VmRSS", "RssAnon", "VmHWM")]
    return Memory(*(value * 1024 / 1e6 for value in kilobytes))


def be_first_to_go() -> None:
    """Where memory runs out, let the kernel end this process and no other."""
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text("1000")
