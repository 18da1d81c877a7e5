"""The report as one page of HTML that opens offline: pictures inside, no script."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from evaluation.embedding import refusals
from evaluation.evaluate import Evaluation
from evaluation.report.copies import warnings
from evaluation.report.plots import WITHOUT_PLOTS, has_plots
from evaluation.report.table import of_people, rows
from evaluation.report.worst import Worst

_MOST_UNUSABLE = 200
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em;
  color: #202020; background: #fff; }
table { border-collapse: collapse; margin: 1em 0; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid #ddd; padding: .25em .8em .25em 0; text-align: left;
  vertical-align: top; }
img { max-width: 100%; height: auto; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 30em), 1fr));
  gap: 1em; }
.wrong { color: #b00020; }
"""
_NO_FACES = "Shown by name: stored embeddings were compared, and no photo was read."
_NOTES = (
    "FMR: pairs of two people that are accepted. FNMR: pairs of one person that are refused. FPIR:"
    " searches for strangers that give a name. FNIR: searches for enrolled people that do not find"
    " them first and above the threshold.",
    "In brackets: the counts, and the 95 % interval of the true rate (Clopper and Pearson; where no"
    " error was seen, one-sided, about 3 / comparisons). It takes comparisons as independent."
    " Comparisons that share a person are not quite: the true interval is then wider.",
    "n/a: fewer comparisons than it takes to show such a rate without a single error.",
    "In the curves, a gray band is where no error was seen: with so many comparisons, a true rate"
    " below 1 / comparisons cannot be told from none.",
    "Thresholds are similarities as Kenal answers them, rounded up, and can be set as"
    " KENAL_THRESHOLD.",
)


def page(
    found: Evaluation,
    pictures: Mapping[str, bytes],
    worst: Sequence[Worst],
    sheets: Mapping[tuple[str, bool], bytes],
) -> str:
    """The whole report; `sheets` by embedder and whether the pairs are of one person."""
    parts = [
        *_head(found),
        *_figures(found),
        *_plots(pictures),
        *_worst(found, worst, sheets),
        *_unusable(found),
    ]
    body = "\n".join(parts)
    title = escape(f"Evaluation: {found.title}")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _head(found: Evaluation) -> Iterator[str]:
    yield f"<h1>Evaluation: {escape(found.title)}</h1>"
    usable, unusable = len(found.names), len(found.unusable)
    yield f"<p>{usable:,} usable photos{of_people(found)}, {unusable:,} unusable.</p>"
    yield from (f'<p class="wrong">{escape(warning)}.</p>' for warning in warnings(found))
    if any(result.verification.comparisons.sampled for result in found.results):
        yield "<p>Too many pairs to compare all: those here were drawn by lot.</p>"


def _figures(found: Evaluation) -> Iterator[str]:
    yield "<h2>Figures</h2>"
    heads = [result.embedder for result in found.results]
    yield _table(["", *heads], [[name, *cells] for name, cells in rows(found)])
    yield from (f"<p>{escape(note)}</p>" for note in _NOTES)


def _plots(pictures: Mapping[str, bytes]) -> Iterator[str]:
    yield "<h2>Curves</h2>"
    if not pictures:
        yield f"<p>{escape('nothing to draw' if has_plots() else WITHOUT_PLOTS)}</p>"
    images = [_image(data, name) for name, data in pictures.items()]
    yield f'<div class="plots">{"".join(images)}</div>'


def _worst(
    found: Evaluation, worst: Sequence[Worst], sheets: Mapping[tuple[str, bool], bytes]
) -> Iterator[str]:
    yield "<h2>Worst pairs</h2>"
    yield "<p>Look here for wrong labels first. Red: wrong at the threshold.</p>"
    if not found.pictures:
        yield f"<p>{escape(_NO_FACES)}</p>"
    for result in found.results:
        for genuine in (True, False):
            pairs = [p for p in worst if p.embedder == result.embedder and p.genuine == genuine]
            if not pairs:
                continue
            kind = "one person, least alike" if genuine else "two people, most alike"
            yield f"<h3>{escape(result.embedder)}: {kind}</h3>"
            if (sheet := sheets.get((result.embedder, genuine))) is not None:
                yield _image(sheet, f"faces of {kind}")
            yield _table(["", "similarity", "first", "second"], _listed(pairs))


def _listed(pairs: Sequence[Worst]) -> list[list[str]]:
    return [
        [
            str(number),
            f"{pair.similarity:.4f} {'wrong' if pair.wrong else 'right'}",
            pair.first,
            pair.second,
        ]
        for number, pair in enumerate(pairs, 1)
    ]


def _unusable(found: Evaluation) -> Iterator[str]:
    yield "<h2>Unusable photos</h2>"
    if not found.unusable:
        yield "<p>None.</p>"
        return
    counts = refusals(found.unusable)
    yield f"<p>{escape(', '.join(f'{count:,} {code}' for code, count in counts.items()))}</p>"
    shown = found.unusable[:_MOST_UNUSABLE]
    yield _table(["photo", "code", "why"], [[one.name, one.code, one.message] for one in shown])
    if len(shown) < len(found.unusable):
        yield "<p>The others are in unusable.csv.</p>"


def _table(head: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    lines = [_line(row) for row in cells]
    heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    return f"<table><tr>{heads}</tr>{''.join(lines)}</table>"


def _line(row: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>"


def _cell(text: str) -> str:
    return f'<span class="wrong">{escape(text)}</span>' if text.endswith(" wrong") else escape(text)


def _image(data: bytes, name: str) -> str:
    encoded = base64.b64encode(data).decode("ascii")
    return f'<img alt="{escape(name)}" src="data:image/png;base64,{encoded}">'
