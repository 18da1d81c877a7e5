"""A folder of people: what is taken, what not and why; whatever lies in it."""

import io
import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from edge.gate import Rules
from edge.registering.folder import Report
from edge.registering.importing import SAME_FILE, UNLIKE, Importer
from edge.registering.photos import NO_FACE, SEVERAL, TOO_SMALL, Examiner
from edge.registering.pictures import Photo, PictureError, decoded, read_photo, size_of
from edge.registering.registrar import Registrar
from edge.registering.taken import Taken
from edge.registering.types import RegisterError
from edge.registering.waiting import Waiting
from edge.sections import Config
from edge.types import Face, Pixels
from tests.edge.registering_kit import ColorNetwork, FakeStore, edge, local_config
from tests.edge.sights import face
from tests.fakes import color_of


class Stripes:
    """Every run of columns that are not black is a face."""

    def find(self, image: Pixels) -> list[Face]:
        lit = np.concatenate(([0], image[image.shape[0] // 2].max(axis=1) >= 40, [0]))
        edges = np.flatnonzero(np.diff(lit))
        height = image.shape[0]
        return [
            face((int(a), height * 0.1, int(b - a), height * 0.8))
            for a, b in zip(edges[::2], edges[1::2], strict=True)
        ]


def picture(*people: int, widths: tuple[int, ...] = (), shade: int = 0) -> Image.Image:
    """People side by side, with a pattern that makes them sharp but at the nose."""
    sides = widths or tuple(160 for _ in people)
    made = Image.new("RGB", (sum(sides) + 60 * (len(people) + 1), 240))
    left = 60
    for person, width in zip(people, sides, strict=True):
        color = color_of(person, shade)
        made.paste(color, (left, 0, left + width, 240))
        for y in range(30, 90, 4):
            made.paste((255, 255, 255), (left, y, left + width, y + 2))
        left += width + 60
    return made


def put(place: Path, made: Image.Image) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    made.save(place)


class Desk:
    """A device with a store in memory, and a folder of photos."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "faces"
        self.root.mkdir()
        self.store, self.network = FakeStore(), ColorNetwork()
        self.data = folder / "edge-data"
        self.progress: list[tuple[int, int]] = []

    def run(self) -> Report:
        registrar = Registrar("local", Waiting(self.data), None, self.network, self.store)
        taken = Taken(self.data)
        try:
            examiner = Examiner(Stripes(), Rules(), self.network)
            progress = self.progress
            importer = Importer(
                examiner, registrar, taken, lambda done, total: progress.append((done, total))
            )
            return importer.run(self.root)
        finally:
            taken.close()

    @property
    def samples(self) -> dict[str, int]:
        return {one.user_id: one.samples for one in self.store.people()}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_everybody_is_taken_once_however_often_it_runs(desk: Desk) -> None:
    for shade in range(3):
        put(desk.root / "Ada Lovelace" / f"{shade}.png", picture(100, shade=shade))
    put(desk.root / "Jörg.png", picture(200))
    put(desk.root / "李明.PNG", picture(300))
    report = desk.run()
    assert (report.taken, report.refused) == (5, [])
    assert sorted(desk.samples.values()) == [1, 1, 3]
    assert desk.progress[-1] == (5, 5)
    asked = desk.network.asked
    again = desk.run()
    assert (again.taken, again.known, again.refused) == (0, 5, [])
    assert sorted(desk.samples.values()) == [1, 1, 3]
    assert desk.network.asked == asked
    put(desk.root / "Ada Lovelace" / "new.png", picture(100, shade=7))
    assert desk.run().taken == 1
    assert desk.samples["ada-lovelace"] == 4


def test_a_run_that_died_before_its_notes_adds_nothing_twice(desk: Desk) -> None:
    put(desk.root / "Ada.png", picture(100))
    desk.run()
    for notes in desk.data.glob("taken.sqlite3*"):
        notes.unlink()
    desk.run()
    assert desk.samples == {"ada": 1}


def test_who_was_deleted_can_be_taken_again(desk: Desk) -> None:
    put(desk.root / "Ada.png", picture(100))
    desk.run()
    desk.store.delete("ada")
    assert desk.run().taken == 1


def test_what_is_not_taken_is_said_and_stops_nothing(desk: Desk) -> None:
    put(desk.root / "Ada" / "good.png", picture(100))
    put(desk.root / "Ada" / "nobody.png", picture())
    put(desk.root / "Ada" / "two.png", picture(100, 200))
    put(desk.root / "Ada" / "small.png", picture(100, widths=(50,)))
    (desk.root / "Ada" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing")
    (desk.root / "Ada" / "text.jpg").write_text("no picture")
    (desk.root / "Ada" / "notes.txt").write_text("no picture")
    (desk.root / "Ada" / "empty.png").write_bytes(b"")
    (desk.root / "Ada" / "folder.png").mkdir()
    os.mkfifo(desk.root / "Ada" / "pipe.png")
    (desk.root / "Ada" / "link.png").symlink_to(desk.root / "Ada" / "good.png")
    (desk.root / "away").symlink_to(desk.root / "Ada")
    report = desk.run()
    assert dict(report.refused) == {
        "Ada/nobody.png": NO_FACE,
        "Ada/two.png": SEVERAL,
        "Ada/small.png": TOO_SMALL,
        "Ada/broken.jpg": "broken",
        "Ada/text.jpg": "neither JPEG nor PNG",
        "Ada/notes.txt": "not .jpg or .png",
        "Ada/empty.png": "neither JPEG nor PNG",
        "Ada/folder.png": "not a file",
        "Ada/pipe.png": "not a file",
        "Ada/link.png": "a link is not followed",
        "away": "a link is not followed",
    }
    assert report.taken == 1
    assert desk.samples == {"ada": 1}


def test_somebody_smaller_in_the_background_is_no_obstacle(desk: Desk) -> None:
    put(desk.root / "Ada.png", picture(100, 200, widths=(240, 100)))
    assert desk.run().taken == 1


def test_a_photo_unlike_the_others_is_left_out(desk: Desk) -> None:
    for number in range(3):
        put(desk.root / "Ada" / f"{number}.png", picture(100, shade=number))
    put(desk.root / "Ada" / "other.png", picture(200))
    assert desk.run().refused == [("Ada/other.png", UNLIKE)]
    put(desk.root / "Bob" / "1.png", picture(100, shade=9))
    put(desk.root / "Bob" / "2.png", picture(300))
    assert [one for one in desk.run().refused if one[0][:3] == "Bob"] == [
        ("Bob/1.png", UNLIKE),
        ("Bob/2.png", UNLIKE),
    ], "of two that are unlike nobody knows which it is"
    put(desk.root / "Ada" / "later.png", picture(300, shade=5))
    assert ("Ada/later.png", UNLIKE) in desk.run().refused, "unlike whom is known already"
    assert desk.samples == {"ada": 3}


def test_one_file_is_not_two_peoples(desk: Desk) -> None:
    put(desk.root / "Ada.png", picture(100))
    put(desk.root / "Bob.png", picture(100))
    report = desk.run()
    assert report.refused == [("Bob.png", SAME_FILE)]
    assert desk.samples == {"ada": 1}


def test_who_looks_like_somebody_known_is_taken_and_said(desk: Desk) -> None:
    put(desk.root / "Ada.png", picture(100))
    put(desk.root / "Bob.png", picture(100, shade=3))
    report = desk.run()
    assert report.taken == 2
    assert any("looks like ada, who is known already" in line for line in report.lines())


def test_a_full_gallery_refuses_and_goes_on(desk: Desk) -> None:
    put(desk.root / "Ada.png", picture(100))
    desk.store.is_full = True
    assert desk.run().refused == [("Ada.png", "the gallery is full")]
    desk.store.is_full = False
    assert desk.run().taken == 1


def test_names_that_are_none(desk: Desk) -> None:
    put(desk.root / "---" / "1.png", picture(100))
    bad = os.fsencode(desk.root) + b"/\xff\xfe\x1b.png"
    put(desk.root / "x.png", picture(200))
    os.rename(desk.root / "x.png", bad)
    report = desk.run()
    assert [why for _, why in report.refused] == [
        "a name has at least one letter or digit",
        "a name has no control characters",
    ]
    assert all(line.isprintable() and line.encode() for line in report.lines())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_turned_upright(tmp_path: Path, orientation: int) -> None:
    upright = Image.new("RGB", (60, 40), (0, 0, 0))
    upright.paste((255, 255, 255), (0, 0, 30, 20))
    turns = {
        1: (),
        2: (Image.Transpose.FLIP_LEFT_RIGHT,),
        3: (Image.Transpose.ROTATE_180,),
        4: (Image.Transpose.FLIP_TOP_BOTTOM,),
        5: (Image.Transpose.TRANSPOSE,),
        6: (Image.Transpose.ROTATE_90,),
        7: (Image.Transpose.TRANSVERSE,),
        8: (Image.Transpose.ROTATE_270,),
    }
    stored = upright
    for turn in turns[orientation]:
        stored = stored.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    image = decoded(read_photo(tmp_path / "turned.jpg"))
    assert image.shape == (40, 60, 3)
    corners = [int(image[y, x].mean()) > 128 for y, x in ((5, 5), (5, 55), (35, 5), (35, 55))]
    assert corners == [True, False, False, False]


def test_what_is_too_large_is_not_decoded(tmp_path: Path) -> None:
    (tmp_path / "large.jpg").write_bytes(b"\xff\xd8" + bytes(20_000_000))
    with pytest.raises(PictureError, match="20 MB"):
        read_photo(tmp_path / "large.jpg")
    stream = io.BytesIO()
    Image.new("1", (10_000, 6_401)).save(stream, "PNG")
    with pytest.raises(PictureError, match="64 megapixels"):
        decoded(Photo(stream.getvalue(), ""))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 30}])
def test_the_size_of_a_jpeg_is_read_and_a_broken_off_one_refused(options: dict[str, int]) -> None:
    stream = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 255, (70, 90, 3), dtype=np.uint8)
    Image.fromarray(noise).save(stream, "JPEG", **options)
    data = stream.getvalue()
    assert size_of(data) == (90, 70)
    assert decoded(Photo(data, "")).shape == (70, 90, 3)
    for cut in (2, 3, 10, 100, len(data) // 2, len(data) - 2):
        with pytest.raises(PictureError):
            decoded(Photo(data[:cut], ""))


def test_no_bytes_are_an_exception(shared_dir: Path) -> None:
    rng = np.random.default_rng(2)
    whole = (shared_dir / "faces" / "gallery" / "obama-240p.jpg").read_bytes()
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(0, 2000, 5):
            data[int(place)] = int(rng.integers(0, 256))
        try:
            decoded(Photo(bytes(data), ""))
        except PictureError:
            continue


@pytest.fixture
def config(tmp_path: Path, shared_dir: Path) -> Config:
    made = local_config(tmp_path, shared_dir / "models" / "yunet_n_640.onnx")
    return replace(made, gate=replace(made.gate, least_face_px=60))


def test_real_photos_of_two_people(config: Config, tmp_path: Path, shared_dir: Path) -> None:
    from edge.embedding import MOBILEFACENET_THRESHOLD, MobileFaceNet

    class Measuring(MobileFaceNet):
        threshold = MOBILEFACENET_THRESHOLD

    gallery, root = shared_dir / "faces" / "gallery", tmp_path / "faces"
    (root / "Barack Obama").mkdir(parents=True)
    for name in ("obama-240p.jpg", "obama-480p.jpg", "obama-720p.jpg"):
        (root / "Barack Obama" / name).write_bytes((gallery / name).read_bytes())
    image = cv2.imread(str(gallery / "lin-manuel-miranda.png"))
    assert image is not None
    cv2.imwrite(str(root / "Barack Obama" / "miranda.png"), image)
    (root / "Crowd.jpg").write_bytes((gallery / "two_people.jpg").read_bytes())
    store = FakeStore()
    network = Measuring(shared_dir / "models" / "mobilefacenet.onnx")
    status, said = edge(["register", "--folder", str(root)], config, network, store)
    assert status == 1
    assert "not taken: Barack Obama/miranda.png: unlike the others" in said
    assert "not taken: Crowd.jpg: several faces" in said
    assert "not taken: Barack Obama/obama-240p" not in said or "too small" in said
    assert list(store.names) == ["barack-obama"]
    assert str(tmp_path) not in said


def test_a_folder_that_is_not_there(config: Config, tmp_path: Path) -> None:
    status, said = edge(
        ["register", "--folder", str(tmp_path / "none")], config, ColorNetwork(), FakeStore()
    )
    assert (status, said) == (2, "the folder cannot be read: No such file or directory\n")


def test_without_a_network_nothing_is_registered_here(tmp_path: Path) -> None:
    with pytest.raises(RegisterError, match=r"recognition\.network"):
        Registrar("local", Waiting(tmp_path), None, None, FakeStore())
