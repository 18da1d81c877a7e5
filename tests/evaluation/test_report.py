"""What people and programs get to read: complete, offline, and safe from the names of files."""

import base64
import csv
import io
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image

from core.errors import InvalidParameter
from evaluation.datasets.folders import from_folders
from evaluation.embedding import Embedding, Unusable
from evaluation.evaluate import Evaluation, Rows, evaluate, evaluate_rows
from evaluation.metrics.intervals import Rate
from evaluation.report import plots as drawing
from evaluation.report.table import lines, percent, rate, rows
from evaluation.report.worst import Faces, sheet, worst_of
from evaluation.report.write import write_report
from pipeline.decision import Rule
from tests.evaluation.kit import LIMITS, analyzer, people
from tests.evaluation.test_comparing import made
from tests.fakes import FakeDetector, nobody, spec

EVIL = '<img src=x onerror="alert(1)">'


def large(seed: int = 0) -> Evaluation:
    """120 people who are hard to tell apart."""
    vectors, whose = made(120, 4, noise=0.8, seed=seed)
    names = [f"{EVIL}{person}/{row}" for row, person in enumerate(whose)]
    return evaluate_rows("large & hard", Rows(names, vectors, whose), spec(), Rule(0.45, 0.02))


def small(folder: Path) -> Evaluation:
    """Two embedders on 6 people in colors, with an unusable photo."""
    people(folder)
    (folder / "p1" / "=cmd.png").write_bytes(nobody())
    looks = Embedding({"one": analyzer(), "two": analyzer()}, LIMITS)
    rules = {"one": Rule(0.6, 0.02), "two": Rule(0.99, 0.02)}
    return evaluate("colors", from_folders(folder), looks, rules)


def faces_of(found: Evaluation) -> Faces:
    return Faces(found.pictures, FakeDetector(), LIMITS, 40)


def written(
    found: Evaluation, folder: Path, plotted: bool = False
) -> tuple[str, Mapping[str, Any]]:
    """The page and the record; plots take their time, so most tests do without."""
    module = "matplotlib" if plotted else None
    with patch.object(drawing, "find_spec", return_value=module):
        write_report(found, folder, faces_of(found))
    record = json.loads((folder / "results.json").read_text())
    assert isinstance(record, dict)
    return (folder / "report.html").read_text(), record


def test_the_table_has_a_column_for_each_embedder(tmp_path: Path) -> None:
    said = dict(rows(small(tmp_path)))
    assert said["pairs of one person"] == ["18", "18"]
    assert said["pairs of two people"] == ["135", "135"]
    assert said["FNMR there"][0] == "0.00 % (0 of 18; 0-15.3 %)"
    assert said["FNMR there"][1].startswith("100.00 % (18 of 18; ")
    assert said["FNMR at FMR 1e-01"][0].startswith("0.00 % (0 of 18; 0-15.3 %) at 0.")
    assert said["FNMR at FMR 1e-02"] == ["n/a (135 of 299 needed)"] * 2
    assert said["rank 1"][0].startswith("100.00 % (12 of 12;")
    assert said["rank 10"] == ["-", "-"]
    assert said["answers to the enrolled"][0] == "6 right, 0 wrong names, 0 ambiguous, 0 none"
    assert said["answers to strangers"][1] == "0 wrong names, 0 ambiguous, 9 none"
    assert said["embedding a face"][0].endswith(" ms")


def test_every_line_of_the_terminal_has_its_columns_in_one_place(tmp_path: Path) -> None:
    said = list(lines(small(tmp_path)))
    place = said[0].index("two")
    assert said[0].index("one") > 0
    for line in said[1:]:
        assert line[place - 2 : place] in ("  ", "")
        assert len(line) <= place or line[place] != " "


def test_how_rates_are_said() -> None:
    assert (percent(None), percent(0), percent(0.5), percent(2e-5)) == (
        "-",
        "0.00 %",
        "50.00 %",
        "0.0020 %",
    )
    assert rate(Rate(0, 0)) == "-"
    assert rate(Rate(10, 100)) == "10.00 % (10 of 100; 4.9-17.6 %)"


@pytest.mark.parametrize("seed", range(3))
def test_a_threshold_that_is_shown_accepts_no_more_than_is_said(seed: int) -> None:
    found = large(seed)
    shown = dict(rows(found))
    for target in (0.1, 0.01, 1e-3):
        threshold = float(shown[f"FNMR at FMR {target:.0e}"][0].rpartition(" at ")[2])
        accepted = found.results[0].verification.scores.false_matches(threshold).value
        assert accepted is not None
        assert accepted <= target


def test_the_record_has_the_counts_behind_every_rate(tmp_path: Path) -> None:
    found = large()
    _, record = written(found, tmp_path)
    (one,) = record["embedders"]
    judged = one["verification"]
    assert judged["fmr"]["trials"] + judged["fnmr"]["trials"] == 480 * 479 // 2
    assert judged["fmr"]["low"] < judged["fmr"]["rate"] < judged["fmr"]["high"]
    assert judged["fmr"]["errors"] == found.results[0].verification.fmr.errors > 0
    assert [point["target"] for point in judged["at_fmr"]] == [0.1, 0.01, 1e-3, 1e-4, 1e-5]
    assert judged["at_fmr"][3]["threshold"] is not None
    assert judged["at_fmr"][4]["threshold"] is None
    assert judged["curve"]["thresholds"][0] is None
    sizes = [size["people"] for size in one["identification"]["gallery_sizes"]]
    assert sizes == [2, 5, 10, 20, 50, 60]
    assert len(record["worst_pairs"]) == 20
    assert record["photos"] == {"usable": 480, "unusable": 0}
    assert record["people"] == 120


class Page(HTMLParser):
    """The tags and what they point at."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.targets += [value or "" for name, value in attrs if name in ("src", "href", "onerror")]


def _targets(text: str) -> list[str]:
    page = Page()
    page.feed(text)
    assert {"h1", "table"} <= set(page.tags)
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert all(target.startswith("data:image/png;base64,") for target in page.targets)
    return page.targets


def test_the_page_opens_offline_and_no_name_becomes_a_tag(tmp_path: Path) -> None:
    text, _ = written(small(tmp_path / "photos"), tmp_path)
    assert _targets(text)
    text, _ = written(large(), tmp_path)
    assert not _targets(text)
    assert not re.search(r"https?:|url\(|@import", text)
    assert EVIL not in text
    assert "large &amp; hard" in text


def test_the_pictures_of_the_page_are_whole(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    text, _ = written(small(tmp_path / "photos"), tmp_path / "report", plotted=True)
    images = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", text)
    # roc, det, ranks, both growths, scores of two, and the sheets of two kinds for each of two.
    assert len(images) == 5 + 2 + 4
    for image in images:
        with Image.open(io.BytesIO(base64.b64decode(image))) as picture:
            picture.load()
            assert min(picture.size) > 100


def test_unusable_photos_are_listed_and_no_formulas(tmp_path: Path) -> None:
    text, record = written(small(tmp_path / "photos"), tmp_path / "report")
    assert record["unusable"] == [
        {"photo": "p1/=cmd.png", "code": "no_face", "message": "no face was found in the photo"}
    ]
    assert "1 no_face" in text
    with (tmp_path / "report" / "unusable.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["code"] for row in csv.DictReader(file)] == ["no_face"]


def test_a_name_that_is_a_formula_is_made_text(tmp_path: Path) -> None:
    found = large()
    evil = Evaluation("x", found.names, {}, 1, [Unusable("=1+1", "no_face", "why")], found.results)
    written(evil, tmp_path)
    assert "'=1+1,no_face" in (tmp_path / "unusable.csv").read_text(encoding="utf-8-sig")


def test_without_matplotlib_all_but_the_plots(tmp_path: Path) -> None:
    _, record = written(small(tmp_path / "photos"), tmp_path / "report")
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert "roc.png" not in names
    assert "worst-one-person-one.png" in names
    assert record["embedders"]


def test_the_sheet_shows_the_faces_of_each_pair(tmp_path: Path) -> None:
    found = small(tmp_path)
    pairs = [pair for pair in worst_of(found) if pair.embedder == "two" and pair.genuine]
    assert all(pair.wrong for pair in pairs)
    data = sheet(pairs, faces_of(found))
    assert data is not None
    with Image.open(io.BytesIO(data)) as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    colors, counts = np.unique(pixels, axis=0, return_counts=True)
    shown = {tuple(color) for color, count in zip(colors, counts, strict=True) if count > 2000}
    for pair in pairs:
        assert _color(tmp_path / pair.first) in shown
        assert _color(tmp_path / pair.second) in shown


def _color(path: Path) -> tuple[int, ...]:
    with Image.open(path) as picture:
        return tuple(np.asarray(picture)[0, 0])


def test_a_photo_that_went_away_leaves_its_pair_a_name(tmp_path: Path) -> None:
    found = small(tmp_path)
    (tmp_path / "p1" / "0.png").unlink()
    assert faces_of(found)("p1/0.png") is None
    assert faces_of(found)("p1/1.png") is not None
    assert sheet(worst_of(found), lambda _: None) is None


def test_pairs_alone_make_a_report_too(tmp_path: Path) -> None:
    vectors, _ = made(3, 1)
    rows_of = Rows(["a", "b", "c"], vectors, np.arange(3))
    found = evaluate_rows("alone", rows_of, spec(), Rule(0.5, 0.02))
    text, record = written(found, tmp_path)
    (one,) = record["embedders"]
    assert (one["identification"], one["verification"]["auc"]) == (None, None)
    assert drawing.WITHOUT_PLOTS in text


def test_a_folder_that_cannot_be_written_is_said_without_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InvalidParameter, match="can be written") as refused:
        written(large(), tmp_path / "file" / "report")
    assert str(tmp_path) not in refused.value.message


def test_no_usable_photo_at_all(tmp_path: Path) -> None:
    (tmp_path / "p1").mkdir()
    (tmp_path / "p1" / "a.png").write_bytes(nobody())
    looks = Embedding({"one": analyzer()}, LIMITS)
    with pytest.raises(InvalidParameter, match="none of the photos"):
        evaluate("x", from_folders(tmp_path), looks, {"one": Rule(0.6, 0.02)})
