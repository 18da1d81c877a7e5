"""Layouts of labelled photos: what is taken, and which line is wrong."""

from pathlib import Path

import pytest

from core.errors import InvalidParameter
from evaluation.datasets.dataset import Pair
from evaluation.datasets.folders import from_folders
from evaluation.datasets.pairs import from_csv, from_lfw


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def test_a_folder_for_each_person(tmp_path: Path) -> None:
    touched(tmp_path, "bob/1.heic", "ann/b.webp", "ann/a.jpg", "notes.txt", ".git/x.jpg")
    touched(tmp_path, "ann/.DS_Store", "ann/old/c.jpg", "bob/list.txt")
    found = from_folders(tmp_path)
    assert {name: one.person for name, one in found.pictures.items()} == {
        "ann/a.jpg": "ann",
        "ann/b.webp": "ann",
        "bob/1.heic": "bob",
        "bob/list.txt": "bob",
    }
    assert found.pairs is None


def test_names_are_safe_to_print(tmp_path: Path) -> None:
    touched(tmp_path, "a\x1b[31m/x\ny.jpg")
    assert list(from_folders(tmp_path).pictures) == ["a\\u{1b}[31m/x\\u{a}y.jpg"]


def test_a_folder_without_people_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="folder for each person"):
        from_folders(touched(tmp_path, "a.jpg"))


def listed(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "list"
    file.write_text(text)
    return file


def test_a_list_of_pairs(tmp_path: Path) -> None:
    text = "\ufefffile_x,file_y,Label\na.jpg,b.jpg,Yes\n\na.jpg,c d.png , 0\n"
    found = from_csv(listed(tmp_path, text), tmp_path / "photos")
    assert found.pairs == [Pair("a.jpg", "b.jpg", True), Pair("a.jpg", "c d.png", False)]
    assert found.pictures["c d.png"].path == tmp_path / "photos" / "c d.png"
    assert found.pictures["c d.png"].person is None


def test_parts_of_a_list(tmp_path: Path) -> None:
    found = from_csv(listed(tmp_path, "file_x,file_y,same,fold\na,b,1,0\na,c,0,3\n"), tmp_path)
    assert found.pairs is not None
    assert [pair.fold for pair in found.pairs] == [0, 3]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "begins with"),
        ("a.jpg,b.jpg,1\n", "begins with"),
        ("file_x,file_y\na,b\n", "begins with"),
        ("file_x,file_y,label\n", "no pair"),
        ("file_x,file_y,label\na,b,1\na,b,maybe\n", "line 3"),
        ("file_x,file_y,label\na,b\n", "line 2"),
        ("file_x,file_y,label\n,b,1\n", "line 2"),
        ("file_x,file_y,label,fold\na,b,1,x\n", "line 2"),
    ],
)
def test_a_wrong_list_says_where(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidParameter, match=said):
        from_csv(listed(tmp_path, text), tmp_path)


def test_a_list_that_is_no_text_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("binary", "none"):
        with pytest.raises(InvalidParameter, match="cannot be read") as refused:
            from_csv(tmp_path / name, tmp_path)
        assert str(tmp_path) not in refused.value.message


LFW = "2\t1\nAnn_B\t1\t2\nAnn_B\t1\tBob\t12\nBob\t3\t4\nBob\t1\tCy\t1\n"


def test_lfw(tmp_path: Path) -> None:
    touched(tmp_path, "Ann_B/Ann_B_0001.jpg", "Ann_B/Ann_B_0002.png")
    found = from_lfw(listed(tmp_path, LFW), tmp_path)
    assert found.pairs == [
        Pair("Ann_B/Ann_B_0001", "Ann_B/Ann_B_0002", True, 0),
        Pair("Ann_B/Ann_B_0001", "Bob/Bob_0012", False, 0),
        Pair("Bob/Bob_0003", "Bob/Bob_0004", True, 1),
        Pair("Bob/Bob_0001", "Cy/Cy_0001", False, 1),
    ]
    paths = {name: one.path.name for name, one in found.pictures.items()}
    assert paths["Ann_B/Ann_B_0002"] == "Ann_B_0002.png"
    assert paths["Cy/Cy_0001"] == "Cy_0001.jpg"


def test_lfw_for_development_has_one_part(tmp_path: Path) -> None:
    found = from_lfw(listed(tmp_path, "1\nAnn\t1\t2\nAnn\t1\tBob\t1\n"), tmp_path)
    assert found.pairs is not None
    assert [(pair.genuine, pair.fold) for pair in found.pairs] == [(True, 0), (False, 0)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "begins with"),
        ("Ann\t1\t2\n", "begins with"),
        ("0\t3\n", "at least one"),
        ("2\t1\nAnn\t1\t2\n", "4 pairs are announced, 1 are there"),
        ("1\nAnn\t1\tBob\t2\nAnn\t1\tBob\t2\n", "line 2"),
        ("1\nAnn\t1\t2\nAnn\t1\t2\n", "line 3"),
        ("1\nAnn\tone\t2\nAnn\t1\tBob\t2\n", "line 2"),
    ],
)
def test_a_wrong_lfw_list_says_where(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidParameter, match=said):
        from_lfw(listed(tmp_path, text), tmp_path)


@pytest.mark.parametrize(
    "line",
    ["a.png,b.png,1,99999999999999999999", "a\0.png,b.png,1,1", f"{'a' * 200_000},b.png,1,1"],
    ids=["a part's number", "a name", "a long cell"],
)
def test_what_no_list_of_pairs_holds(tmp_path: Path, line: str) -> None:
    file = listed(tmp_path, f"file_x,file_y,label,fold\n{line}\n")
    with pytest.raises(InvalidParameter, match="line 2 of the list of pairs is no "):
        from_csv(file, tmp_path)


@pytest.mark.parametrize("pair", [f"a {'1' * 5000} 2", "a\0 1 2"], ids=["number", "name"])
def test_what_no_list_of_lfw_holds(tmp_path: Path, pair: str) -> None:
    (tmp_path / "pairs.txt").write_text(f"1\n{pair}\na 1 b 2\n")
    with pytest.raises(InvalidParameter, match="line 2 of the list of LFW is no pair"):
        from_lfw(tmp_path / "pairs.txt", tmp_path)
    (tmp_path / "pairs.txt").write_text(f"{'1' * 5000}\na 1 2\na 1 b 2\n")
    with pytest.raises(InvalidParameter, match="begins with"):
        from_lfw(tmp_path / "pairs.txt", tmp_path)


def test_a_name_longer_than_a_file_can_have_is_an_unusable_photo(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text(f"1\n{'a' * 5000} 1 2\na 1 b 2\n")
    pictures = from_lfw(tmp_path / "pairs.txt", tmp_path).pictures
    assert all(path.path.suffix == ".jpg" for path in pictures.values())
    assert len(pictures) == 4


def test_lfw_names_the_people_of_its_photos(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("1\nA_B 1 2\nA_B 1 C 2\n")
    assert from_lfw(tmp_path / "pairs.txt", tmp_path).people == {
        "A_B/A_B_0001": "A_B",
        "A_B/A_B_0002": "A_B",
        "C/C_0002": "C",
    }
