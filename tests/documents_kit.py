"""Documents as steps to walk: what a reader would type, and what they would see.

Comments that a reader does not see say what an example presumes:

    <!-- server: KENAL_AUTH=required -->   the service from here on, in place of the plain one
    <!-- setup: enroll 1042 -->            commands to run first; prelude.sh has words for them
    <!-- status: 201, 409 -->              what the next commands' curls are answered, if not 2xx
    <!-- file: receiver.py -->             the next example is put into this file, not run
    <!-- skip: it needs a proxy -->        the next example cannot be run, and why

A ```json example is the answer to the last curl before it, in an example or in a setup.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"^<!-- (?P<word>[a-z]+): (?P<said>.*?) -->$|^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_WORDS = frozenset(["server", "setup", "status", "file", "skip"])
RUN = frozenset(["sh", "python", "json"])
_ELLIPSIS = "…"
_FREE = frozenset(["attributes", "details"])
"""Objects that hold whatever they hold."""


@dataclass(frozen=True)
class Step:
    """One thing to do; `kind` is a language, `setup` or `server`."""

    kind: str
    text: str
    line: int
    status: str | None = None
    file: str | None = None
    skip: str | None = None

    @property
    def statuses(self) -> list[int]:
        return [int(text) for text in self.status.split(",")] if self.status else []


@dataclass
class _Said:
    """What the comments so far say of the next example."""

    words: dict[str, str] = field(default_factory=dict)

    def of_next(self, kind: str, text: str, line: int) -> Step:
        words, self.words = self.words, {}
        return Step(
            kind, text, line, words.get("status"), words.get("file"), skip=words.get("skip")
        )


def steps(document: str) -> Iterator[Step]:
    """The examples that are run or compared, and what is said of them; raises ValueError."""
    said = _Said()
    for found in _TOKEN.finditer(document):
        line = document.count("\n", 0, found.start()) + 1
        word, text = found["word"], found["said"] or found["text"] or ""
        if word is None:
            if found["language"] in RUN:
                yield said.of_next(found["language"], text, line)
        elif word not in _WORDS:
            raise ValueError(f"line {line}: a comment that is not known: {word}")
        elif word in ("setup", "server"):
            yield said.of_next(word, text, line)
        else:
            said.words[word] = text
    if said.words:
        raise ValueError(f"comments that no example follows: {said.words}")


def differences(example: object, real: object, place: str = "answer") -> Iterator[str]:
    """Where the shape of an example is not that of the real answer."""
    if example is None or real is None or example == _ELLIPSIS:
        return
    if isinstance(example, dict) and isinstance(real, dict):
        yield from _of_objects(example, real, place)
    elif isinstance(example, list) and isinstance(real, list):
        yield from _of_lists(example, real, place)
    elif _kind(example) != _kind(real):
        yield f"{place} is {_kind(example)} in the example and {_kind(real)} in the answer"


def _of_objects(example: dict[str, object], real: dict[str, object], place: str) -> Iterator[str]:
    if place.rsplit(".", 1)[-1] in _FREE:
        return
    shown = set(example) - {_ELLIPSIS}
    yield from (f"{place} has no {name} in the answer" for name in sorted(shown - set(real)))
    if _ELLIPSIS not in example:
        yield from (f"{place} has no {name} in the example" for name in sorted(set(real) - shown))
    for name in sorted(shown & set(real)):
        yield from differences(example[name], real[name], f"{place}.{name}")


def _of_lists(example: list[object], real: list[object], place: str) -> Iterator[str]:
    shown = [item for item in example if item != _ELLIPSIS]
    if not shown or not real:
        return
    pairs = [(one, real[0]) for one in shown] + [(shown[0], one) for one in real[1:]]
    for one, other in pairs:
        yield from differences(one, other, f"{place}[]")


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "a truth value"
    return "a number" if isinstance(value, int | float) else type(value).__name__
