"""The shared gallery, enrolled by real FTP clients and asked over HTTP, for both networks."""

import ftplib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.system import FTP_PASSWORD, RunningKenal, running

EXPECTED = {
    "test/alex_lacamoire1.jpg": "alex_lacamoire",
    "test/johnsnow_test1.jpg": "kit_harington",
    "test/obama1.jpg": "obama",
    "single/obama2.jpg": "obama",
    "single/obama3.jpg": "obama",
    "single/obama_partial_face.jpg": "obama",
    "single/obama_partial_face2.jpg": "obama",
    "single/biden.jpg": "biden",
    "alex-lacamoire.png": "alex_lacamoire",
    "obama-240p.jpg": "obama",
    "obama-480p.jpg": "obama",
    "obama-720p.jpg": "obama",
    "obama-1080p.jpg": "obama",
}
TOGETHER = {
    "test/kit_with_rose.jpg": {"kit_harington", "rose_leslie"},
    "test/obama_and_biden.jpg": {"obama", "biden"},
}


def by_ftplib(kenal: RunningKenal, photos: list[Path]) -> None:
    client = ftplib.FTP(timeout=30)
    client.connect("127.0.0.1", kenal.ftp_port)
    client.login("kenal", FTP_PASSWORD)
    for person in sorted({photo.parent.name for photo in photos}):
        client.mkd(person)
    for photo in photos:
        with photo.open("rb") as file:
            client.storbinary(f"STOR {photo.parent.name}/{photo.name}", file)
    client.quit()


def by_curl(kenal: RunningKenal, photos: list[Path]) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    for photo in photos:
        url = f"ftp://127.0.0.1:{kenal.ftp_port}/{photo.parent.name}/{photo.name}"
        login = f"kenal:{FTP_PASSWORD}"
        command = ["curl", "-sS", "--ftp-create-dirs", "-u", login, "-T", str(photo), url]
        subprocess.run(command, check=True, timeout=60)


@pytest.fixture(scope="module", params=["dlib", "mobilefacenet"])
def kenal(
    request: pytest.FixtureRequest,
    shared_dir: Path,
    model_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningKenal]:
    """The train photos enrolled: with dlib by ftplib, with MobileFaceNet by curl -T."""
    folder = tmp_path_factory.mktemp(f"gallery-{request.param}")
    kenal = RunningKenal(folder, request.param, model_dir)
    photos = sorted(path for path in (shared_dir / "faces/gallery/train").rglob("*.*"))
    with running(kenal, "web", "watcher", "ftp"):
        (by_ftplib if request.param == "dlib" else by_curl)(kenal, photos)
        kenal.until(lambda: kenal.counts()["enrolled"] == len(photos), 120)
        yield kenal


def test_every_person_is_recognized(kenal: RunningKenal, shared_dir: Path) -> None:
    found = {
        name: kenal.ask((shared_dir / "faces/gallery" / name).read_bytes())["user_id"]
        for name in EXPECTED
    }
    assert found == EXPECTED


def test_both_people_of_a_photo_are_recognized(kenal: RunningKenal, shared_dir: Path) -> None:
    for name, people in TOGETHER.items():
        answer = kenal.ask((shared_dir / "faces/gallery" / name).read_bytes(), "?faces=all")
        faces = answer["faces"]
        assert isinstance(faces, list)
        # Nobody else is named: a face in the background is null.
        assert {face["user_id"] for face in faces} - {None} == people


def test_verification_accepts_the_person_and_refuses_the_claim(
    kenal: RunningKenal, shared_dir: Path
) -> None:
    photo = (shared_dir / "faces/gallery/test/obama1.jpg").read_bytes()
    assert kenal.ask(photo, "?user_id=obama")["decision"] == "match"
    assert kenal.ask(photo, "?user_id=biden")["decision"] == "no_match"


def test_a_stranger_is_nobody(kenal: RunningKenal, shared_dir: Path) -> None:
    stranger = shared_dir / "faces/gallery/lin-manuel-miranda.png"
    answer = kenal.ask(stranger.read_bytes())
    assert (answer["decision"], answer["user_id"], answer["profile"]) == ("no_match", None, None)
    assert httpx.get(f"{kenal.url}/photos?status=pending").json()["photos"] == []
