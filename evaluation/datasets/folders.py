"""A folder for each person: `dataset/<person>/<photo>`."""

from pathlib import Path

from core.errors import InvalidParameter
from core.names import printable
from evaluation.datasets.dataset import Dataset, Picture


def from_folders(folder: Path) -> Dataset:
    """Every file in the people's folders, photo or not; hidden ones are left out.

    Raises InvalidParameter where there is none.
    """
    people = sorted(path for path in folder.iterdir() if path.is_dir() and not _hidden(path))
    pictures = {
        f"{printable(person.name)}/{printable(path.name)}": Picture(path, printable(person.name))
        for person in people
        for path in sorted(person.iterdir())
        if path.is_file() and not _hidden(path)
    }
    if not pictures:
        raise InvalidParameter("no photos there: a folder for each person is expected, with photos")
    return Dataset(pictures)


def _hidden(path: Path) -> bool:
    return path.name.startswith(".")
