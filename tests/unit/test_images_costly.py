"""Files made to cost time or memory: refused early, or decoded in bounded memory."""

import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import ImageCorrupt
from pipeline.images import decode as decoding
from pipeline.images.decode import decode
from pipeline.images.headers import MOST_PARTS, Header, HeaderReader, Kind, Reader
from pipeline.images.jpeg import read_jpeg
from pipeline.images.others import read_gif, read_webp
from pipeline.images.png import read_png
from tests.images_made import encoded, gradient, png_chunk, with_orientation

ROOT = Path(__file__).resolve().parents[2]
CAP = 64_000_000
MANY = 1_000_000
JPEG, PNG, GIF, WEBP = (encoded(gradient(), kind) for kind in ("JPEG", "PNG", "GIF", "WEBP"))


@pytest.fixture
def numbers_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one entry for each number that a header reader looks at."""
    read: list[int] = []
    real = Reader.number

    def counted(reader: Reader, offset: int, size: int, signed: bool = False) -> int:
        read.append(offset)
        return real(reader, offset, size, signed)

    monkeypatch.setattr(Reader, "number", counted)
    return read


def riff(chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


@pytest.mark.parametrize(
    ("reader", "data"),
    [
        pytest.param(read_jpeg, JPEG[:2] + b"\xff\xfe\0\2" * MANY + JPEG[2:], id="jpeg-comments"),
        pytest.param(read_jpeg, JPEG[:2] + b"\xff\x01" * MANY + JPEG[2:], id="jpeg-markers"),
        pytest.param(read_png, PNG[:33] + png_chunk(b"teSt", b"") * MANY + PNG[33:], id="png"),
        pytest.param(read_webp, riff(WEBP[12:] + b"teSt\0\0\0\0" * MANY), id="webp"),
        pytest.param(
            read_gif, GIF[:-1] + b"!\xfe" + b"\1." * MANY + b"\0;", id="gif-blocks-of-one-byte"
        ),
        pytest.param(read_gif, GIF[:-1] + b"!\xfe\0" * MANY + b";", id="gif-extensions"),
    ],
)
def test_a_file_of_countless_parts_is_refused_early(
    reader: HeaderReader, data: bytes, numbers_read: list[int]
) -> None:
    with pytest.raises(ImageCorrupt, match="too many parts"):
        reader(data)
    assert len(numbers_read) < 20 * MOST_PARTS


def test_filling_bytes_are_skipped_in_one_step(numbers_read: list[int]) -> None:
    filled = JPEG[:2] + b"\xff" * MANY + JPEG[2:]
    assert (decode(filled, CAP).rgb == decode(JPEG, CAP).rgb).all()
    assert len(numbers_read) < 1000


def test_orientation_is_read_once_and_only_once(numbers_read: list[int]) -> None:
    # A directory of the most entries, in as many segments as fit.
    entries = struct.pack("<HHII", 274, 1, 1_000_000, 8) * 1000
    body = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 1000) + entries
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    read_jpeg(JPEG[:2] + segment * 200 + JPEG[2:])
    assert len(numbers_read) < 20_000


def test_a_tiff_of_a_million_strips_is_refused(numbers_read: list[int]) -> None:
    data = bytearray(encoded(gradient(), "TIFF") + bytes(8 * MANY))
    start = struct.unpack_from("<I", data, 4)[0]
    for i in range(struct.unpack_from("<H", data, start)[0]):
        at = start + 2 + 12 * i
        if struct.unpack_from("<H", data, at)[0] in (273, 279):
            struct.pack_into("<HII", data, at + 2, 4, MANY, 8)
    with pytest.raises(ImageCorrupt):
        decode(bytes(data), CAP)
    assert len(numbers_read) < 1000


def scans(count: int, width: int, height: int) -> bytes:
    """A progressive JPEG's first scans again and again; its frame states another size."""
    data = bytearray(encoded(gradient(), "JPEG", progressive=True))
    frame = data.index(b"\xff\xc2")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    last = data.rindex(b"\xff\xda")
    return bytes(data[:last] + data[last:-2] * count + b"\xff\xd9")


def test_a_large_frame_has_few_scans() -> None:
    with pytest.raises(ImageCorrupt, match="too many passes"):
        read_jpeg(scans(60, 8000, 8000))
    assert read_jpeg(scans(8, 8000, 8000)).width == 8000
    assert read_jpeg(scans(60, 3000, 2000)).width == 3000


def png(width: int, height: int, depth: int, color: int, interlaced: int, raw: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
    body = png_chunk(b"IDAT", zlib.compress(raw, 1))
    return PNG[:8] + png_chunk(b"IHDR", header) + body + png_chunk(b"IEND", b"")


@pytest.mark.parametrize(("depth", "color"), [(1, 0), (8, 0), (16, 0), (8, 2), (4, 0), (16, 6)])
@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize("size", [(1, 1), (13, 7), (33, 20)])
def test_a_png_holds_every_pixel_it_promises(
    depth: int, color: int, interlaced: int, size: tuple[int, int]
) -> None:
    width, height = size
    bits = depth * {0: 1, 2: 3, 6: 4}[color]
    # Written down from the specification's picture of the seven passes, pixel by pixel.
    passes = np.tile(np.asarray(ADAM7), (height // 8 + 1, width // 8 + 1))[:height, :width]
    passes = passes if interlaced else np.zeros_like(passes)
    rows = [(passes[y] == p).sum() for p in range(8) for y in range(height) if p in passes[y]]
    raw = bytes(sum(1 + (int(pixels) * bits + 7) // 8 for pixels in rows))
    assert decode(png(width, height, depth, color, interlaced, raw), CAP).width == width
    with pytest.raises(ImageCorrupt, match="incomplete"):
        decode(png(width, height, depth, color, interlaced, raw[:-1]), CAP)


ADAM7 = [
    [1, 6, 4, 6, 2, 6, 4, 6],
    [7, 7, 7, 7, 7, 7, 7, 7],
    [5, 6, 5, 6, 5, 6, 5, 6],
    [7, 7, 7, 7, 7, 7, 7, 7],
    [3, 6, 4, 6, 3, 6, 4, 6],
    [7, 7, 7, 7, 7, 7, 7, 7],
    [5, 6, 5, 6, 5, 6, 5, 6],
    [7, 7, 7, 7, 7, 7, 7, 7],
]

_PEAK = """
import sys
from pathlib import Path
from pipeline.images.decode import decode
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
data = sys.stdin.buffer.read()
decode(Path(sys.argv[1]).read_bytes(), 64_000_000)
before = peak()
assert max(decode(data, 64_000_000).rgb.shape) == int(sys.argv[2])
print((peak() - before) // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's accounting")
@pytest.mark.parametrize(
    ("depth", "color", "most_mb"),
    [
        pytest.param(8, 6, 200, id="alpha"),  # itself 103 MB
        pytest.param(16, 0, 130, id="sixteen-bit-gray"),  # itself 51 MB
    ],
)
def test_colors_are_converted_in_little_memory(
    tmp_path: Path, depth: int, color: int, most_mb: int
) -> None:
    side = 5080
    samples = {0: 1, 2: 3, 6: 4}[color]
    data = png(side, side, depth, color, 0, bytes(side * (1 + side * samples * depth // 8)))
    assert peak_mb(tmp_path, PNG, data, 2048) < most_mb


def peak_mb(folder: Path, first: bytes, data: bytes, long_side: int) -> int:
    """How far decoding `data` lifts the memory of a process that has decoded `first`."""
    (folder / "first").write_bytes(first)
    run = [sys.executable, "-c", _PEAK, str(folder / "first"), str(long_side)]
    done = subprocess.run(run, input=data, capture_output=True, check=True, cwd=ROOT)
    return int(done.stdout)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's accounting")
@pytest.mark.parametrize(
    ("mode", "orientation", "most_mb"),
    [
        pytest.param("RGB", 1, 40, id="color"),  # at full size 183 MB
        pytest.param("RGB", 6, 50, id="turned"),
        pytest.param("L", 1, 40, id="gray"),
    ],
)
def test_a_large_jpeg_takes_the_memory_of_its_working_size(
    tmp_path: Path, mode: str, orientation: int, most_mb: int
) -> None:
    data = with_orientation(Image.new(mode, (8000, 8000), 99), "JPEG", orientation)
    assert peak_mb(tmp_path, JPEG, data, 2000) < most_mb


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "L"])
def test_bands_leave_no_seams(mode: str) -> None:
    large = gradient(4999, 3001)
    stored = large.convert(mode)
    whole = stored.convert("RGB").resize((2048, 1229), Image.Resampling.BILINEAR)
    found = decode(encoded(stored, "PNG", compress_level=1), CAP).rgb.astype(int)
    assert np.abs(found - np.asarray(whole).astype(int)).max() <= 2


def test_large_photos_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "LARGE_PIXELS", 64 * 48 - 1)
    inside, most, guard = 0, 0, threading.Lock()
    both = threading.Event()
    real = decoding._loaded

    def slow(kind: Kind, header: Header) -> Image.Image:
        nonlocal inside, most
        with guard:
            inside += 1
            most = max(most, inside)
            if inside == 2:
                both.set()
        both.wait(0.3)
        with guard:
            inside -= 1
        return real(kind, header)

    monkeypatch.setattr(decoding, "_loaded", slow)
    threads = [threading.Thread(target=decode, args=(PNG, CAP)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_large_photo_that_fails_lets_the_next_one_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "LARGE_PIXELS", 100)
    broken = png(64, 48, 8, 0, 0, bytes(65))
    for _ in range(3):
        with pytest.raises(ImageCorrupt):
            decode(broken, CAP)
    assert decode(PNG, CAP).width == 64
