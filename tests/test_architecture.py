"""The layers, and each heavy library in its one place; the design's words, beside import-linter."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ISLAND = "edge"
ISLAND_MAY_IMPORT = {"cv2", "edge", "httpx", "numpy"}
"""Beside the standard library, and as a module is imported; what a device may lack comes later."""
PACKAGES = ("core", "db", "index", "pipeline", "evaluation", "api")
MAY_IMPORT = {
    "core": set(),
    "db": {"core"},
    "index": {"core"},
    "pipeline": {"core", "db", "index"},
    "evaluation": {"core", "db", "index", "pipeline"},
    "api": {"core", "db", "index", "pipeline", "evaluation"},
}
HOME = {
    "flask": ("api/", "wsgi.py"),
    "werkzeug": ("api/",),
    "annoy": ("index/forest.py",),
    "watchdog": ("pipeline/watcher.py",),
    "tensorflow": ("pipeline/models/facenet_export.py",),
    "keras_facenet": ("pipeline/models/facenet_export.py",),
    "tf2onnx": ("pipeline/models/facenet_export.py",),
    "mtcnn": ("pipeline/models/mtcnn_export.py",),
    "onnx": (
        "pipeline/models/mtcnn_graphs.py",
        "pipeline/models/mtcnn_export.py",
        "pipeline/models/dlib_export.py",
    ),
    "dlib": ("pipeline/embedders/dlib_resnet.py", "pipeline/models/dlib_export.py"),
    "onnxruntime": ("pipeline/models/onnx_runtime.py",),
    "simplejpeg": ("pipeline/images/",),
    "pyftpdlib": ("pipeline/ftp/",),
    "alembic": ("db/migrate.py",),
    "sqlalchemy": ("db/",),
    "honcho": ("scripts/",),
    "httpcore": ("pipeline/webhooks/",),
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    places = [*PACKAGES, ISLAND, "scripts"]
    files = [path for place in places for path in sorted((ROOT / place).rglob("*.py"))]
    for path in [*files, ROOT / "wsgi.py"]:
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def imports(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Every imported top-level package, and whether the import runs with the module."""
    at_top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], id(node) in at_top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0], id(node) in at_top


def test_layers_only_look_down() -> None:
    wrong = [
        (path, name)
        for path, tree in sources()
        if (layer := path.split("/")[0]) in PACKAGES
        for name, _ in imports(tree)
        if name in PACKAGES and name != layer and name not in MAY_IMPORT[layer]
    ]
    assert wrong == []


@pytest.mark.parametrize("library", sorted(HOME))
def test_a_heavy_library_has_one_home(library: str) -> None:
    users = {path for path, tree in sources() for name, _ in imports(tree) if name == library}
    assert users, f"nothing uses {library}: is it still a requirement?"
    assert [path for path in users if not path.startswith(HOME[library])] == []


def test_the_edge_agent_is_an_island() -> None:
    needed = {
        name
        for path, tree in sources()
        if path.startswith(f"{ISLAND}/")
        for name, _ in imports(tree)
        if name not in sys.stdlib_module_names
    }
    assert needed == ISLAND_MAY_IMPORT
    visitors = [
        path
        for path, tree in sources()
        if not path.startswith(f"{ISLAND}/")
        for name, _ in imports(tree)
        if name == ISLAND
    ]
    assert visitors == []


def test_the_edge_agent_loads_nothing_heavy() -> None:
    program = "import sys, edge.__main__; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    assert loaded >= ISLAND_MAY_IMPORT
    heavy = {"flask", "pydantic", "sqlalchemy", "tensorflow", "torch", "onnxruntime", "annoy"}
    assert not loaded & {*heavy, *PACKAGES, "gpiozero", "picamera2"}


def test_tensorflow_is_never_imported_with_a_module() -> None:
    heavy = {"tensorflow", "keras", "keras_facenet", "tf2onnx", "mtcnn"}
    exporter = "pipeline/models/facenet_export.py"  # a program of its own, run in a child process
    eager = [
        (path, name)
        for path, tree in sources()
        for name, at_top in imports(tree)
        if name in heavy and at_top and path != exporter
    ]
    assert eager == []


def test_the_environment_is_read_in_one_place() -> None:
    readers = {
        path
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb")
    }
    assert readers == {"core/settings.py", "edge/config.py"}


def test_no_file_is_a_utility_drawer_and_none_is_a_giant() -> None:
    for path, tree in sources():
        assert Path(path).stem not in {"utils", "helpers", "common", "misc"}
        last = tree.body[-1].end_lineno if tree.body else 0
        assert (last or 0) <= 260, path


def test_our_signatures_name_their_arguments() -> None:
    swallowing = [
        (path, node.name)
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.args.kwarg is not None
    ]
    assert swallowing == []
