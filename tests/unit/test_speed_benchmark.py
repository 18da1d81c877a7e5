"""The benchmark of the whole path: its arithmetic, its page, and that its baseline is honest."""

import ast
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from benchmarks.baseline import MARGIN_PX, SIDE_PX, crop, normalized
from benchmarks.speed_gallery import services_with, settings_in
from benchmarks.speed_load import Load
from benchmarks.speed_photos import resized
from benchmarks.speed_profile import STAGES, broken_down, watched
from benchmarks.speed_report import BEGIN, END, Report, with_figures
from benchmarks.speed_sample import Bound, Sample, Target, Timing, number, percentile, ratio
from benchmarks.speed_served import Served
from benchmarks.speed_server import environment
from pipeline.recognizer import Question
from tests.fakes import DIMENSIONS, FakeNetworks, fake_settings, portrait


def timing(*wall_ms: float) -> Timing:
    return Timing([Sample(value, value / 2) for value in wall_ms])


def load(clients: int, seconds: float, *wall_ms: float) -> Load:
    return Load(clients, timing(*wall_ms), seconds, refused=0)


def keras_facenet(file: str, name: str) -> Callable[..., Any]:
    """A function of keras-facenet, without importing TensorFlow with it."""
    spec = importlib.util.find_spec("keras_facenet")
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse((Path(spec.origin).parent / file).read_text())
    found: list[ast.stmt] = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    names: dict[str, Any] = {"np": np}
    exec(compile(ast.Module(found, []), file, "exec"), names)
    return cast(Callable[..., Any], names[name])


def test_a_timing_is_told_by_its_middle_and_its_slow_end() -> None:
    found = timing(10, 30, 20, 1000, 40)
    assert (found.p50, found.cpu) == (30, 15)
    assert found.p95 == pytest.approx(40 + 0.8 * 960)
    assert percentile([1, 2, 3], 50) == 2
    assert load(8, 4.0, 10, 20).per_second == 0.5


def test_stages_are_medians_in_their_order() -> None:
    samples = [Sample(9, 9, {"decode": d, "detect": 7}) for d in (1.0, 5.0, 2.0)]
    assert list(Timing(samples).stages().items()) == [("decode", 2.0), ("detect", 7)]


def test_a_ratio_needs_both() -> None:
    assert ratio(25.0, 150.0) == pytest.approx(1 / 6)
    assert ratio(None, 150.0) is None
    assert ratio(25.0, None) is None


@pytest.mark.parametrize(
    ("bound", "limit", "measured", "verdict"),
    [
        (Bound.AT_MOST, 3, 3.0, "met"),
        (Bound.AT_MOST, 3, 3.01, "not met"),
        (Bound.AT_LEAST, 40, 40.0, "met"),
        (Bound.AT_LEAST, 40, 39.9, "not met"),
        (Bound.AT_MOST, 1 / 6, 0.1667, "met"),
        (Bound.AT_MOST, 1 / 6, 0.168, "not met"),
        (Bound.AT_MOST, 0, 1, "not met"),
        (Bound.AT_MOST, 3, None, "not measured"),
    ],
)
def test_a_target_is_met_or_not(
    bound: Bound, limit: float, measured: float | None, verdict: str
) -> None:
    assert Target("what", bound, limit, measured).verdict() == verdict


def test_figures_have_three_digits() -> None:
    shown = [number(value) for value in (0.01234, 1.234, 12.34, 123.4, 12345.6)]
    assert shown == ["0.012", "1.23", "12.3", "123", "12,346"]


def test_memory_grows_from_the_middle_of_the_soak_to_its_end() -> None:
    mb = [[100.0, 90.0], [200.0, 90.0], [205.0, 90.0], [210.0, 90.0]]
    ones = [load(1, 1, 5), load(8, 1, 5)]
    served = Served(ones, ones, [80.0, 80.0], [90.0, 90.0], mb)
    assert served.growth == pytest.approx(0.05)
    assert served.largest_mb == 210
    assert Served(ones, ones, [80.0], [90.0], mb[:1]).growth is None


def test_the_page_says_of_each_target_whether_it_is_met() -> None:
    times = {
        ("baseline", "640x480"): timing(150, 160, 140),
        ("facenet", "640x480"): timing(20, 21, 22),
        ("dlib", "640x480"): timing(50, 51, 52),
    }
    served = Served(
        [load(1, 1.0, 22, 24, 26), load(8, 1.0, *[30] * 50)],
        [load(1, 1.0, 160), load(8, 1.0, *[400] * 5)],
        [400.0, 410.0],
        [420.0, 430.0],
        [],
    )
    page = Report(["- a machine"], "facenet", process=times, served=served).page()
    for row in (
        "| FaceNet, 640x480, part of the baseline | ≤ 0.167 | 0.140 | met |",
        "| the same, moonshot | ≤ 0.100 | 0.140 | not met |",
        "| FaceNet, 12 MP | ≤ 120 ms | – | not measured |",
        "| dlib, 640x480 | ≤ 45.0 ms | 51.0 ms | not met |",
        "| HTTP, 1 client: p50 over in process | ≤ 5.00 ms | 3.00 ms | met |",
        "| HTTP, 8 clients: throughput, times the baseline's | ≥ 8.00 | 10.0 | met |",
        "| memory of a worker, at most | ≤ 600 MB | 430 MB | met |",
        "| start to ready | ≤ 3.00 s | – | not measured |",
        "| dlib | 640x480 | 3 | 51.0 | 51.9 | 0.340 | 25.5 | 0.340 |",
        "| deepface | not installed | – | – | – | – | – | – |",
    ):
        assert row in page.splitlines()
    assert "## Stages" not in page


def test_figures_are_put_between_their_marks_and_nowhere_else() -> None:
    once = with_figures(f"above\n{BEGIN}\nold\n{END}\nbelow\n", "new")
    assert once == f"above\n{BEGIN}\n\nnew\n\n{END}\nbelow\n"
    assert with_figures(once, "newer") == once.replace("new", "newer")
    with pytest.raises(ValueError, match="unpack"):
        with_figures("no marks", "new")


def test_the_baseline_scales_pixels_as_keras_facenet() -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    source = keras_facenet("__init__.py", "_normalize")
    network = type("Network", (), {"metadata": {"fixed_image_standardization": True}})
    np.testing.assert_array_equal(normalized(pixels), source(network, pixels))


@pytest.mark.parametrize("box", [(30, 20, 40, 50), (-5, 10, 40, 50), (3, 4, 90, 90)])
def test_the_baseline_cuts_faces_out_as_keras_facenet(box: tuple[int, int, int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 255, (110, 100, 3), dtype=np.uint8)
    source = keras_facenet("utils.py", "cropBox")
    assert int(0.1 * SIDE_PX) == MARGIN_PX
    theirs = source(image, {"box": box}, MARGIN_PX)
    np.testing.assert_array_equal(crop(image, box), theirs)


def test_stages_add_up_to_the_answer() -> None:
    timings = {"decode": 2.0, "detect": 9.0, "embed": 8.0, "search": 1.0, "total": 20.0}
    seen = {**timings, "_refined": 3.0, "_decided": 2.0, "run_named": 7.0}
    stages = broken_down(Sample(20.5, 30, seen)).stages
    assert tuple(stages) == STAGES
    assert list(stages.values()) == [2.0, 4.0, 3.0, 2.0, 1.0, 7.0, 1.0, 0.5]
    with pytest.raises(ValueError, match="do not add up"):
        broken_down(Sample(20.5, 30, {**seen, "run_named": 12.0}))


def test_a_watch_ends_with_its_context() -> None:
    from pipeline.analyzer import Analyzer

    before = Analyzer.embed
    with watched() as found:
        assert Analyzer.embed is not before
    assert Analyzer.embed is before
    assert set(found.values()) == {0}


def test_nobody_is_enrolled_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = f"sqlite:///{tmp_path / 'real.sqlite3'}"
    monkeypatch.setenv("KENAL_DATABASE_URL", elsewhere)
    monkeypatch.setenv("KENAL_MIN_FACE_PX", "77")
    settings = settings_in(tmp_path / "bench", tmp_path / "models", "dlib")
    assert settings.resolved_database_url.endswith("bench/var/kenal.sqlite3")
    assert environment(settings, 1)["KENAL_DATABASE_URL"] == ""
    # What only tunes is measured as it is set.
    assert settings.min_face_px == 77
    assert environment(settings, 1)["KENAL_MIN_FACE_PX"] == "77"


def test_strangers_are_enrolled_as_the_service_would(tmp_path: Path) -> None:
    settings = fake_settings(tmp_path)
    services = services_with(settings, people=30, build=FakeNetworks())
    try:
        engine = services.start()
        assert engine.gallery.count == 30
        assert not engine.gallery.check()
        engine.enrollment.enroll("known", portrait(5))
        answer = engine.recognizer.recognize(portrait(5, 3), Question()).answers[0]
        assert answer.profile is not None
        assert answer.profile.user_id == "known"
        probe = np.random.default_rng(9).standard_normal(DIMENSIONS).astype(np.float32)
        assert {found.user_id[:8] for found in engine.gallery.search(probe, 3)} == {"stranger"}
    finally:
        services.close()


def test_photos_keep_the_shape_of_what_they_show(tmp_path: Path) -> None:
    from PIL import Image

    wide = Image.new("RGB", (853, 480), "red")
    wide.paste("blue", (320, 0, 533, 480))
    wide.save(tmp_path / "wide.png")
    made = resized(tmp_path / "wide.png", (400, 300), tmp_path)
    with Image.open(made) as photo:
        assert photo.size == (400, 300)
        blue = np.asarray(photo)[150, :, 2] > 128
    # 213 of 640 columns, in the middle.
    assert 130 <= blue.sum() <= 136
    assert blue[200]
    assert not blue[100]
