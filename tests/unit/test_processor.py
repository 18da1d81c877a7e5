"""What tells one processor from another."""

from pathlib import Path

import pytest

from pipeline.models.processor import processor

INTEL = """processor\t: {number}
model name\t: Some Processor
cpu MHz\t\t: {mhz}
flags\t\t: fpu avx2{more}
bogomips\t: {mhz}
"""
ARM = "processor: 0\nFeatures: fp asimd\nCPU implementer: 0x41\nCPU part: {part}\n"


def told(tmp_path: Path, text: str) -> str | None:
    (tmp_path / "cpuinfo").write_text(text)
    return processor(tmp_path / "cpuinfo")


def test_its_clock_and_number_of_cores_do_not_matter(tmp_path: Path) -> None:
    one = told(tmp_path, INTEL.format(number=0, mhz=2000, more=""))
    two = INTEL.format(number=0, mhz=2100, more="") + INTEL.format(number=1, mhz=900, more="")
    assert one is not None
    assert told(tmp_path, two) == one


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (INTEL.format(number=0, mhz=1, more=""), INTEL.format(number=0, mhz=1, more=" avx512f")),
        (ARM.format(part="0xd0c"), ARM.format(part="0xd49")),
        (ARM.format(part="0xd0c"), ARM.format(part="0xd0c") + ARM.format(part="0xd49")),
    ],
)
def test_another_one_is_another(tmp_path: Path, one: str, other: str) -> None:
    assert told(tmp_path, one) != told(tmp_path, other)


@pytest.mark.parametrize("text", ["", "processor: 0\nmodel name: unknown\n"])
def test_one_whose_abilities_are_not_told_is_none(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, text) is None
    assert processor(tmp_path / "nothing") is None
