"""Takes a folder of people into the gallery and to the server; may be run again and again."""

from collections.abc import Callable, Sequence
from pathlib import Path

from edge.registering.agreeing import agreeing
from edge.registering.folder import Named, Report, found_in
from edge.registering.photos import Examined, Examiner
from edge.registering.pictures import Photo, PictureError, read_photo
from edge.registering.registrar import Registrar
from edge.registering.taken import HERE, SERVER, Taken
from edge.registering.types import RegisterError
from edge.registering.uploading import ServerAwayError, Uploader

_COPY = 0.9999
UNLIKE = "unlike the others"
SAME_FILE = "the very same file as somebody else's"
Progress = Callable[[int, int], None]
"""Told how many files are done, and of how many."""


class Importer:
    """One run over a folder."""

    def __init__(
        self, examiner: Examiner, registrar: Registrar, taken: Taken, progress: Progress
    ) -> None:
        self._examiner, self._registrar = examiner, registrar
        self._taken, self._progress = taken, progress
        self._owners: dict[str, str] = {}
        self._seen: set[tuple[str, str]] = set()
        self._done = self._total = 0
        self._is_known_here = False  # whom the files are of that are looked at

    def run(self, root: Path) -> Report:
        """Everybody in `root`; raises RegisterError where the folder cannot be read."""
        report = Report(root)
        people = found_in(root, report)
        self._total = sum(len(one.photos) for one in people)
        for person in people:
            try:
                self._take(person, report)
            except ServerAwayError as error:
                report.stopped = str(error)
        return report

    def _take(self, person: Named, report: Report) -> None:
        try:
            name, user_id = self._registrar.named(person.name, None)
        except RegisterError as error:
            self._refuse(person.photos, error, report)
            return
        self._is_known_here = self._registrar.samples(user_id) > 0
        new = [one for path in person.photos for one in self._examined(path, user_id, report)]
        whole = self._of_one_person(user_id, new, report)
        try:
            self._keep(name, user_id, whole, report)
        except ServerAwayError:
            raise
        except RegisterError as error:
            self._refuse([one.path for one in whole], error, report)

    def _refuse(self, photos: Sequence[Path], error: RegisterError, report: Report) -> None:
        for path in photos:
            report.refuse(path, str(error))

    def _examined(self, path: Path, user_id: str, report: Report) -> list[Examined]:
        """The photo, where it is new and will do, and the server takes any."""
        self._done += 1
        self._progress(self._done, self._total)
        try:
            photo = read_photo(path)
            if self._is_known(photo, user_id):
                report.known += 1
            elif report.stopped:
                report.leave(path)
            else:
                return [self._examiner.examine(path, photo)]
        except PictureError as error:
            report.refuse(path, str(error))
        return []

    def _is_known(self, photo: Photo, user_id: str) -> bool:
        """Whether nothing is left to do with it; raises PictureError for another person's."""
        owner = self._owners.setdefault(photo.sha256, user_id)
        if owner != user_id:
            raise PictureError(SAME_FILE)
        if (photo.sha256, user_id) in self._seen:
            return True
        self._seen.add((photo.sha256, user_id))
        there = self._taken.word(SERVER, user_id, photo.sha256)
        if there:
            raise PictureError(there)
        is_there = not self._registrar.is_server or there is not None
        return is_there and not self._is_new_here(user_id, photo.sha256)

    def _is_new_here(self, user_id: str, sha256: str) -> bool:
        if not self._registrar.is_local:
            return False
        # Who was deleted since is taken again.
        return not self._is_known_here or self._taken.word(HERE, user_id, sha256) is None

    def _of_one_person(
        self, user_id: str, new: Sequence[Examined], report: Report
    ) -> list[Examined]:
        """Those that are like whom is known already, or else like most of each other."""
        embedder = self._registrar.embedder
        vectors = [one.sample.vector for one in new if one.sample.vector is not None]
        if embedder is None or len(vectors) < len(new):
            return list(new)
        if self._is_known_here:
            before = self._registrar.alike(user_id, vectors)
            fits = [like >= embedder.threshold for like in before]
        else:
            fits = agreeing(vectors, embedder.threshold)
        for one, fit in zip(new, fits, strict=True):
            if not fit:
                report.refuse(one.path, UNLIKE)
        return [one for one, fit in zip(new, fits, strict=True) if fit]

    def _keep(self, name: str, user_id: str, whole: list[Examined], report: Report) -> None:
        here = [one for one in whole if self._is_new_here(user_id, one.sha256)]
        # A run that died may have added some of them without a note.
        fresh = self._without_copies(user_id, here)
        if fresh:
            words = self._registrar.keep_here(name, user_id, [one.sample.vector for one in fresh])
            report.remark(name, words)
        for one in here:
            self._taken.note(HERE, user_id, one.sha256)
        enroller = self._registrar.enroller
        if enroller is None or not whole:
            report.taken += len(here)
            return
        uploader = Uploader(enroller, self._taken, is_fixed=self._registrar.is_local)
        uploader.send(name, user_id, whole, report)

    def _without_copies(self, user_id: str, photos: list[Examined]) -> list[Examined]:
        vectors = [one.sample.vector for one in photos if one.sample.vector is not None]
        if not self._is_known_here or len(vectors) < len(photos):
            return photos
        like = self._registrar.alike(user_id, vectors)
        return [one for one, how in zip(photos, like, strict=True) if how < _COPY]
