"""People from a folder of photos: `<name>/*.jpg` and `<name>.jpg`, one bad file never stops it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge.registering.pictures import SUFFIXES
from edge.registering.types import RegisterError


@dataclass(frozen=True, slots=True)
class Named:
    """The photos that are said to show one person."""

    name: str
    photos: tuple[Path, ...]


@dataclass(slots=True)
class Report:
    """What became of every file."""

    root: Path
    taken: int = 0
    known: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)  # what the server does not have yet
    stopped: str = ""  # why

    def refuse(self, path: Path, why: str) -> None:
        """This file was not taken."""
        self.refused.append((self._shown(path), why))

    def leave(self, path: Path) -> None:
        """This file is for the next run."""
        self.unsent.append(self._shown(path))

    def remark(self, name: str, words: str) -> None:
        """Something about this person that is no error."""
        line = f"{shown(name)}: {words}"
        if words and line not in self.remarks:
            self.remarks.append(line)

    def lines(self) -> Iterator[str]:
        """For people."""
        yield from (f"not taken: {name}: {why}" for name, why in self.refused)
        yield from self.remarks
        yield from (f"not sent: {name}" for name in self.unsent)
        if self.stopped:
            yield (
                f"stopped: {self.stopped}; {len(self.unsent)} not sent:"
                " run it again, nothing is taken twice"
            )
        yield f"{self.taken} taken, {self.known} known already, {len(self.refused)} not taken"

    def _shown(self, path: Path) -> str:
        return shown(path.relative_to(self.root))


def found_in(root: Path, report: Report) -> list[Named]:
    """Everybody in the folder by name; raises RegisterError where it cannot be read."""
    try:
        entries = sorted(root.iterdir())
    except OSError as error:
        raise RegisterError(f"the folder cannot be read: {error.strerror}") from None
    people: dict[str, list[Path]] = {}
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            people.setdefault(entry.name, []).extend(_photos(entry, report))
        elif _is_photo(entry, report):
            people.setdefault(entry.stem, []).append(entry)
    return [Named(name, tuple(photos)) for name, photos in sorted(people.items())]


def shown(text: object) -> str:
    """A file's name as a terminal may show it."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(text))


def _photos(folder: Path, report: Report) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        report.refuse(folder, f"the folder cannot be read: {error.strerror}")
        return []
    return [one for one in entries if not one.name.startswith(".") and _is_photo(one, report)]


def _is_photo(path: Path, report: Report) -> bool:
    if path.suffix.lower() in SUFFIXES:
        return True
    report.refuse(path, "a link is not followed" if path.is_symlink() else "not .jpg or .png")
    return False
