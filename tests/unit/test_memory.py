"""What many threads allocated and freed goes back to the system."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_THREADS = """
import sys, threading
import numpy as np
from core.memory import return_memory
if sys.argv[1] == "returned":
    return_memory()
together = threading.Barrier(12)
def work():
    kept = [np.ones(300_000, np.uint8) for _ in range(40)]
    together.wait()
    last = np.ones(100, np.uint8)
    del kept
    together.wait()
threads = [threading.Thread(target=work) for _ in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(open("/proc/self/maps").read().count("rw-p"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is what is set")
def test_threads_share_two_heaps() -> None:
    def mappings(how: str) -> int:
        command = [sys.executable, "-c", _THREADS, how]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        return int(done.stdout)

    assert mappings("returned") < mappings("kept") - 5
