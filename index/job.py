"""A segment to be built by a process of its own: what it is told, and how its end is told back.

The child is another program rather than a fork: it holds none of the service's memory, locks or
connections, its memory returns when it ends, and where it dies the service lives on.
"""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from core.errors import StorageFull
from core.types import EmbeddingSpec, Similarity
from index.arrays import Rows, save
from index.choice import Proposer
from index.errors import BuildFailed, CannotStart
from index.policy import Policy
from index.progress import OnProgress
from index.recipe import Recipe
from index.sources import Source

JOB = "job.json"
STARTED, FAILED, FULL, DONE, PROGRESS = "started", "failed", "full", "done", "progress"
_ROOT = Path(__file__).resolve().parents[1]


def build_apart(
    directory: Path, recipe: Recipe, sources: list[Source], on_progress: OnProgress
) -> str:
    """Have a segment of `sources` written into the empty `directory`; as `writer.write`.

    Raises StorageFull, CannotStart, or BuildFailed where the child ended otherwise.
    """
    job = directory / "job"
    job.mkdir()
    places = [_spooled(job / str(number), source) for number, source in enumerate(sources)]
    plan = {"recipe": asdict(recipe), "sources": places}
    (job / JOB).write_text(json.dumps(plan), encoding="utf-8")
    return _run(directory, on_progress)


def load(directory: Path) -> tuple[Recipe, list[Source]]:
    """What `build_apart` wrote, in the child."""
    plan = json.loads((directory / "job" / JOB).read_text(encoding="utf-8"))
    recipe = plan["recipe"]
    spec = recipe["spec"] | {"similarity": Similarity(recipe["spec"]["similarity"])}
    sources = [
        Source(Rows(np.load(faces), np.load(vectors, mmap_mode="r")), np.load(alive))
        for faces, vectors, alive in plan["sources"]
    ]
    only = recipe["policy"]["only"]
    policy = Policy(**recipe["policy"] | {"only": Proposer(only) if only else None})
    covered, provisional = int(recipe["covered"]), bool(recipe["provisional"])
    return Recipe(EmbeddingSpec(**spec), policy, covered, provisional), sources


def _spooled(stem: Path, source: Source) -> tuple[str, str, str]:
    """Where the child finds a source: vectors that are a file already are not copied."""
    faces, vectors, alive = (
        stem.with_suffix(f".{part}.npy") for part in ("faces", "vectors", "alive")
    )
    save(faces, source.rows.faces)
    save(alive, source.alive)
    if source.file is None:
        save(vectors, source.rows.vectors)
    return str(faces), str(source.file or vectors), str(alive)


def _run(directory: Path, on_progress: OnProgress) -> str:
    # Not -m: it would look in places that a caller's environment can take away.
    program = (
        f"import sys; sys.path.insert(0, {str(_ROOT)!r}); "
        "from pathlib import Path; from index.builder import main; main(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", program, str(directory)]
    pipe = subprocess.PIPE
    started = False
    with subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stdout is not None
        last = ["", ""]
        for line in child.stdout:
            said = line.split()
            started = True
            if said and said[0] == PROGRESS:
                on_progress(said[1], int(said[2]), int(said[3]))
            else:
                last = said
    if not started:
        raise CannotStart
    if last[:1] == [FULL]:
        raise StorageFull("the disk has no room for the index")
    if child.returncode != 0 or last[:1] != [DONE]:
        why = last[1] if last[:1] == [FAILED] else f"status {child.returncode}"
        raise BuildFailed(f"the build of a part of the index ended with {why}")
    return last[1]
