"""Folders of real people, made of shared photos in a test's own folder."""

import shutil
from pathlib import Path

import cv2

# By pairs.csv and the gallery's folders: 34 photos of 12 people.
PAIRS = {
    "p01": (1, 10, 11, 2, 4, 5, 6, 7),
    "p02": (13, 14, 15),
    "p03": (20, 21),
    "p04": (16, 17),
    "p05": (12, 3),
    "p06": (22, 23),
    "p07": (24, 25),
    "p08": (18, 19),
    "p09": (8, 9),
}
GALLERY = {
    "obama": ("train/obama/obama", "train/obama/obama2", "test/obama1", "single/obama3"),
    "biden": ("train/biden/biden", "train/biden/biden2"),
    "kit": ("train/kit_harington/john1", "train/kit_harington/john2", "test/johnsnow_test1"),
}
_LONGEST_PX = 480
PHOTOS, PEOPLE = 34, 12


def twelve(shared: Path, folder: Path) -> Path:
    """Twelve people with two to eight photos each."""
    for person, numbers in PAIRS.items():
        (folder / person).mkdir(parents=True)
        for number in numbers:
            shutil.copy(shared / "faces" / "pairs" / f"img{number}.jpg", folder / person)
    for person, names in GALLERY.items():
        (folder / person).mkdir()
        for name in names:
            (source,) = (shared / "faces" / "gallery").glob(f"{name}.*")
            shutil.copy(source, folder / person / name.replace("/", "_"))
    return folder


def retaken(shared: Path, folder: Path, people: int = 18) -> Path:
    """One photo of each person, and two of it in other light and size: as easy as it gets.

    Nothing is said of faces by a network that tells these apart: only that it can be trained.
    """
    for number in range(27, 27 + people):
        picture = cv2.imread(str(shared / "faces" / "pairs" / f"img{number}.jpg"))
        assert picture is not None
        # Faces are looked for in small pictures in a fraction of the time.
        part = min(1.0, _LONGEST_PX / max(picture.shape))
        picture = cv2.resize(picture, None, fx=part, fy=part, interpolation=cv2.INTER_AREA)
        (folder / f"q{number}").mkdir(parents=True)
        smaller = cv2.resize(picture, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
        darker = cv2.convertScaleAbs(picture, alpha=0.9, beta=-4)
        for name, pixels in (("a", picture), ("b", smaller), ("c", darker)):
            cv2.imwrite(str(folder / f"q{number}" / f"{name}.jpg"), pixels)
    return folder
