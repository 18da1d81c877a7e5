"""Which processor this is: what is optimized for one may be slow, or wrong, on another."""

from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
_TELLING = frozenset(
    [
        *("vendor_id", "cpu family", "model", "model name", "stepping", "flags"),
        *("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "Features"),
    ]
)


def processor(cpuinfo: Path = CPUINFO) -> str | None:
    """Model and abilities of every kind of core here; None where the system does not tell."""
    try:
        lines = cpuinfo.read_text(errors="replace").splitlines()
    except OSError:
        return None
    fields = (line.partition(":") for line in lines)
    told = {
        f"{name.strip()}: {text.strip()}" for name, _, text in fields if name.strip() in _TELLING
    }
    can = any(line.startswith(("flags:", "Features:")) for line in told)
    return "\n".join(sorted(told)) if can else None
