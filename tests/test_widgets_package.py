"""The widget package as it is shipped."""

import ast
import pathlib
import re
import subprocess
import sys
import zipfile

import pytest
from test_architecture import BACKENDS, WITHOUT_KERAS, imported

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "widgets" / "keras_electra_widgets"
FILES = sorted(PACKAGE.rglob("*.py"))
STATIC = sorted((PACKAGE / "static").iterdir())
COMMENTS = re.compile(r"/\*.*?\*/|^\s*//.*?$", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        return archive.namelist()


def test_the_wheel_holds_both_packages_and_every_asset(wheel):
    expected = {f"keras_electra_widgets/{path.relative_to(PACKAGE)}" for path in [*FILES, *STATIC]}
    assert expected <= set(wheel)
    assert {"keras_electra/__init__.py", "keras_electra/runs/folder.py"} <= set(wheel)
    for package in ("keras_electra", "keras_electra_widgets"):
        assert {f"{package}/__init__.pyi", f"{package}/py.typed"} <= set(wheel)
    tops = {name.partition("/")[0] for name in wheel}
    assert {top for top in tops if ".dist-info" not in top} == {
        "keras_electra",
        "keras_electra_widgets",
    }


@pytest.mark.parametrize("path", STATIC, ids=lambda path: path.name)
def test_assets_ask_for_nothing_from_elsewhere(path):
    text = COMMENTS.sub("", path.read_text(encoding="utf-8"))
    if path.name == "figure.js":
        # plotly's script, which the kernel has sent.
        text = text.replace("await import(address)", "", 1)
    assert not re.search(r"https?://|@import|\bimport\s*\(|^\s*import\b", text, re.MULTILINE)
    assert "innerHTML" not in text
    assert path.stat().st_size < 30_000


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_panels_know_neither_keras_nor_what_needs_it(path):
    for name in imported(path):
        first, *rest = name.split(".")
        assert first not in {"keras", *BACKENDS}
        if first == "keras_electra" and rest:
            assert rest[0] in WITHOUT_KERAS, f"imports {name}"
    ast.parse(path.read_text(encoding="utf-8"))
