"""Many threads on the same real networks: every answer is the one the photo gets alone."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from core.settings import Settings
from pipeline.analyzer import Analyzer, build_analyzer
from pipeline.images.decode import decode

pytestmark = pytest.mark.slow

CAP = 64_000_000
THREADS = 8
ROUNDS = 3
Seen = tuple[str, bytes]


@pytest.fixture(scope="module")
def photos(shared_dir: Path) -> Sequence[bytes]:
    """As many different photos as threads, with one face to eight each."""
    found = sorted((shared_dir / "faces" / "detection").glob("*.jpg"))[:THREADS]
    assert len(found) == THREADS
    return [path.read_bytes() for path in found]


def seen(analyzer: Analyzer, photo: bytes) -> Seen:
    """All that the networks say of a photo, to the last bit."""
    picture = decode(photo, CAP)
    detection = analyzer.detect(picture)
    return repr(detection), analyzer.embed(picture, detection.usable).tobytes()


@pytest.mark.parametrize("embedder", ["dlib", "mobilefacenet"])
def test_an_answer_does_not_depend_on_what_else_is_asked(
    embedder: str, model_dir: Path, photos: Sequence[bytes]
) -> None:
    analyzer = build_analyzer(embedder, Settings(model_dir=model_dir))
    alone = [seen(analyzer, photo) for photo in photos]
    assert len(set(alone)) == THREADS
    meeting = Barrier(THREADS)

    def ask(number: int) -> bool:
        meeting.wait(60)
        # Each begins elsewhere: in every moment the threads are at different photos.
        order = [(number + step) % THREADS for step in range(THREADS)] * ROUNDS
        return all(seen(analyzer, photos[place]) == alone[place] for place in order)

    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(ask, range(THREADS))) == [True] * THREADS
