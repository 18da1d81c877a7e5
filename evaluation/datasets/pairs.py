"""Lists of labelled pairs: CSV with a head, and LFW's `pairs.txt`."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from core.errors import InvalidParameter
from core.names import PHOTO_EXTENSIONS, printable
from evaluation.datasets.dataset import Dataset, Pair, Picture

_LABELS: Mapping[str, bool] = MappingProxyType(
    {
        **dict.fromkeys(("1", "yes", "true", "same", "genuine"), True),
        **dict.fromkeys(("0", "no", "false", "different", "impostor"), False),
    }
)
_LABEL_COLUMNS = ("label", "decision", "same")
_MOST_DIGITS = 9


def from_csv(file: Path, folder: Path) -> Dataset:
    """Pairs of `file_x,file_y,label`, files relative to `folder`; an optional `fold`.

    A label is 1, yes, true, same, or 0, no, false, different. Raises InvalidParameter with the
    line that is wrong.
    """
    pairs = [_csv_pair(line, row) for line, row in _csv_rows(file)]
    return _dataset(pairs, {name: folder / name for name in _names(pairs)})


def from_lfw(file: Path, folder: Path) -> Dataset:
    """LFW's list: `folds size`, then in each part the pairs of one person, then of two.

    Photos are `<folder>/<person>/<person>_0001.*`. Raises InvalidParameter with the line that
    is wrong.
    """
    lines = [line.split() for line in _text(file).splitlines()]
    folds, size = _lfw_head(lines[0] if lines else [])
    rows = [(number, cells) for number, cells in enumerate(lines[1:], 2) if cells]
    if len(rows) != folds * size * 2:
        raise InvalidParameter(f"{folds * size * 2} pairs are announced, {len(rows)} are there")
    pairs = []
    for place, (number, cells) in enumerate(rows):
        fold, within = divmod(place, size * 2)
        pairs.append(_lfw_pair(number, cells, genuine=within < size, fold=fold))
    found = _dataset(pairs, {name: _lfw_photo(folder, name) for name in _names(pairs)})
    people = {name: name.rpartition("/")[0] for name in found.pictures}
    return replace(found, people=people)


def _csv_rows(file: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    rows = csv.reader(_text(file).splitlines())
    head = [cell.strip().lower() for cell in next(rows, [])]
    if not {"file_x", "file_y"} <= set(head) or not set(_LABEL_COLUMNS) & set(head):
        raise InvalidParameter("the list of pairs begins with the line file_x,file_y,label")
    try:
        for cells in rows:
            if cells:
                yield rows.line_num, dict(zip(head, (cell.strip() for cell in cells), strict=False))
    except csv.Error:
        raise InvalidParameter(f"line {rows.line_num} of the list of pairs is no CSV") from None


def _csv_pair(line: int, row: Mapping[str, str]) -> Pair:
    label = next((row[name] for name in _LABEL_COLUMNS if name in row), "")
    genuine = _LABELS.get(label.lower())
    fold = row.get("fold", "0")
    named = all(_is_name(row.get(column, "")) for column in ("file_x", "file_y"))
    if genuine is None or not named or not _is_number(fold):
        raise InvalidParameter(f"line {line} of the list of pairs is no pair with a label")
    return Pair(row["file_x"], row["file_y"], genuine, int(fold))


def _lfw_head(cells: Sequence[str]) -> tuple[int, int]:
    """Parts, and the pairs of each kind in a part; LFW's development lists have one part."""
    if not cells or len(cells) > 2 or not all(_is_number(cell) for cell in cells):
        raise InvalidParameter("a list of LFW begins with the number of its parts and their size")
    folds, size = (1, int(cells[0])) if len(cells) == 1 else (int(cells[0]), int(cells[1]))
    if not folds or not size:
        raise InvalidParameter("a list of LFW has at least one part of at least one pair")
    return folds, size


def _lfw_pair(line: int, cells: Sequence[str], genuine: bool, fold: int) -> Pair:
    people = [cells[0], cells[0]] if genuine else cells[::2]
    numbers = cells[1:] if genuine else cells[1::2]
    sound = all(map(_is_number, numbers)) and all(map(_is_name, people))
    if len(cells) != (3 if genuine else 4) or not sound:
        raise InvalidParameter(f"line {line} of the list of LFW is no pair of its part")
    first, second = (
        f"{person}/{person}_{int(number):04d}"
        for person, number in zip(people, numbers, strict=True)
    )
    return Pair(first, second, genuine, fold)


def _lfw_photo(folder: Path, name: str) -> Path:
    """The photo with whatever ending it has; with LFW's own where there is none."""
    endings = ("jpg", *sorted(PHOTO_EXTENSIONS - {"jpg"}))
    candidates = (folder / f"{name}.{ending}" for ending in endings)
    try:
        return next((path for path in candidates if path.is_file()), folder / f"{name}.jpg")
    except OSError:
        return folder / f"{name}.jpg"  # No file has so long a name: it is said when it is read.


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= _MOST_DIGITS


def _is_name(text: str) -> bool:
    """Whether a file can be called so."""
    return text != "" and "\0" not in text


def _dataset(pairs: Sequence[Pair], paths: Mapping[str, Path]) -> Dataset:
    if not pairs:
        raise InvalidParameter("the list holds no pair")
    named = [
        Pair(printable(pair.first), printable(pair.second), pair.genuine, pair.fold)
        for pair in pairs
    ]
    return Dataset({printable(name): Picture(path) for name, path in paths.items()}, named)


def _names(pairs: Sequence[Pair]) -> list[str]:
    return sorted({name for pair in pairs for name in (pair.first, pair.second)})


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise InvalidParameter("the list of pairs cannot be read as text in UTF-8") from None
