"""The whole main job in one go, in a temporary folder: `make demo`.

A public-domain photo is dropped, and a cropped, darkened and tilted variant of it recognized;
a stranger from scikit-image's subset of Labeled Faces in the Wild is refused.
"""

import io
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from PIL import Image, ImageEnhance
from skimage import data

_READY_SECONDS = 180
_ENROLL_SECONDS = 60


def main() -> int:
    """Run the demo; returns 0 when everything came out as it should."""
    with tempfile.TemporaryDirectory(prefix="kenal-demo-") as name, _service(Path(name)) as url:
        drop = Path(name) / "photo_storage"
        _say("Dropping astronaut.jpg and its profile into the photo folder ...")
        (drop / "astronaut.json").write_text('{"name": "Eileen Collins"}')
        (drop / "astronaut.jpg").write_bytes(_jpeg(_astronaut()))
        _wait(lambda: _enrolled(url), _ENROLL_SECONDS, "the photo was not enrolled")
        _say("  enrolled by the watcher\n")
        known = _ask(url, "the same woman, cropped, darkened, tilted by 12 degrees", _variant())
        stranger = _ask(url, "a stranger", _stranger())
    good = known == ("match", "Eileen Collins") and stranger == ("no_match", None)
    _say("Cleaned up. " + ("Everything as it should be." if good else "NOT as it should be."))
    return 0 if good else 1


def _ask(url: str, what: str, photo: Image.Image) -> tuple[str, str | None]:
    answer = httpx.post(f"{url}/upload_photo", files={"photo": _jpeg(photo)}, timeout=60)
    answer.raise_for_status()
    body = answer.json()
    name = body["profile"]["name"] if body["profile"] else None
    _say(f"POST /upload_photo with {what}:")
    _say(f"  decision {body['decision']}, user_id {body['user_id']}, name {name}")
    _say(f"  similarity {body['similarity_score']} (threshold {body['threshold']})\n")
    return body["decision"], name


def _astronaut() -> Image.Image:
    return Image.fromarray(data.astronaut())


def _variant() -> Image.Image:
    tilted = _astronaut().rotate(12, Image.Resampling.BICUBIC, center=(225, 110))
    return ImageEnhance.Brightness(tilted.crop((120, 10, 340, 250))).enhance(0.6)


def _stranger() -> Image.Image:
    pixels = (data.lfw_subset()[0] * 255).astype(np.uint8)
    picture = Image.new("L", (320, 320), 128)
    picture.paste(Image.fromarray(pixels).resize((200, 200), Image.Resampling.BICUBIC), (60, 60))
    return picture


def _jpeg(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=92)
    return stream.getvalue()


@contextmanager
def _service(folder: Path) -> Iterator[str]:
    port = _free_port()
    settings = [
        f"KENAL_DATA_DIR={folder / 'var'}",
        f"KENAL_PHOTO_DIR={folder / 'photo_storage'}",
        # Prepared networks are shared with the real service: nothing is downloaded twice.
        "KENAL_MODEL_DIR=var/models",
        "KENAL_HOST=127.0.0.1",
        f"KENAL_PORT={port}",
        "KENAL_AUTH=off",
        "KENAL_FTP_ENABLED=false",
        "KENAL_WORKERS=1",
    ]
    python = ["env", *settings, sys.executable, "-m"]
    _say("Preparing a service in a temporary folder ...")
    for command in (["db", "upgrade"], ["models", "prepare"]):
        subprocess.run([*python, "flask", *command], check=True, stdout=subprocess.DEVNULL)
    with (folder / "log").open("wb") as log:
        service = subprocess.Popen([*python, "scripts.serve"], stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(lambda: _is_ready(url, service), _READY_SECONDS, "the service did not start")
        yield url
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait()


def _is_ready(url: str, service: subprocess.Popen[bytes]) -> bool:
    if service.poll() is not None:
        raise SystemExit("the service ended by itself; try make serve")
    try:
        return httpx.get(f"{url}/readyz", timeout=10).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _enrolled(url: str) -> bool:
    body = httpx.get(f"{url}/photos?status=enrolled", timeout=10).json()
    return bool(body["photos"])


def _wait(done: Callable[[], bool], seconds: float, complaint: str) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise SystemExit(complaint)
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
