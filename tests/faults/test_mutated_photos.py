"""Ten thousand damaged photos: each is decoded or refused with a code, and nothing else happens."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.errors import STATUSES
from core.errors import KenalError
from pipeline.images.decode import decode
from tests.api.test_server import Server
from tests.fakes import portrait
from tests.images_made import encoded, gradient

CASES = 10_000
POSTED = 400
MAX_PIXELS = 1_000_000
RSS_LIMIT = 1_000_000_000
REFUSALS = {"image_corrupt", "unsupported_image", "image_too_large", "empty_file"}


def originals() -> list[bytes]:
    picture = gradient(96, 72)
    return [
        encoded(picture, "JPEG", quality=85),
        encoded(picture, "JPEG", quality=60, progressive=True),
        encoded(picture.convert("L"), "JPEG", quality=80),
        encoded(picture, "PNG"),
        encoded(picture.convert("P"), "PNG"),
        encoded(picture.convert("RGBA"), "PNG"),
    ]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The same file with a little or much of it changed, cut, doubled or put elsewhere."""
    damaged = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        if not damaged:
            break
        at = chance.randrange(len(damaged))
        length = min(chance.choice((1, 2, 4, 32, 400)), len(damaged) - at)
        match chance.randrange(6):
            case 0:
                damaged[at] ^= 1 << chance.randrange(8)
            case 1:
                damaged[at : at + length] = chance.randbytes(length)
            case 2:
                del damaged[at : at + length]
            case 3:
                damaged[at:at] = damaged[at : at + length]
            case 4:
                damaged[at : at + length] = b"\xff" * length
            case _:
                del damaged[at:]
    return bytes(damaged)


def corpus(count: int, seed: int) -> Iterator[bytes]:
    chance, files = random.Random(seed), originals()
    return (mutated(chance.choice(files), chance) for _ in range(count))


def test_every_one_is_decoded_or_refused() -> None:
    seen: Counter[str] = Counter()
    for data in corpus(CASES, seed=60):
        try:
            decode(data, MAX_PIXELS)
            seen["decoded"] += 1
        except KenalError as error:
            seen[error.code] += 1
    assert set(seen) <= REFUSALS | {"decoded"}
    # Both happen often: the damage is neither too small to be seen nor too great to be read.
    assert seen["decoded"] > CASES / 100
    assert seen["image_corrupt"] > CASES / 10


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("mutated"))
    server.wait_ready()
    yield server
    server.stop()


def test_a_server_that_gets_them_goes_on(server: Server) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    codes: Counter[str] = Counter()
    for data in corpus(POSTED, seed=61):
        status, said = server.ask("POST", "/upload_photo", data, headers)
        code = said["error"]["code"] if status != 200 else "answered"
        assert status == 200 or status == STATUSES[code] < 500, said
        codes[code] += 1
    assert set(codes) <= REFUSALS | {"answered", "no_face", "face_too_small"}
    assert server.memory_bytes() < RSS_LIMIT
    status, said = server.ask("POST", "/upload_photo", portrait(5), {"Content-Type": "image/png"})
    assert (status, said["decision"]) == (200, "no_match")
    assert "Traceback" not in Path(server.log).read_text()
