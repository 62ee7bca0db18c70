"""The notebooks: small, without outputs, and run from top to bottom at small settings."""

import ast
import json
import os
import pathlib

import pytest
from conftest import INSTALLED

ROOT = pathlib.Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
NAMES = [
    "01_the_idea_on_one_sentence",
    "02_pretrain_on_your_text",
    "03_what_does_it_see",
    "04_fine_tune_on_your_labels",
    "05_one_checkpoint_three_backends",
    "06_weights_in_your_model_out",
]
CELL_SECONDS = 300
MAX_BYTES = 500_000


def read(name):
    return json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))


def test_these_are_all():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_saved_small_and_without_outputs(name):
    notebook = read(name)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert 1 <= len(code) <= 15
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert all(len(cell["source"]) <= 25 for cell in code)
    assert [cell["metadata"].get("tags") for cell in code].count(["parameters"]) == 1
    assert "widgets" not in notebook["metadata"]
    assert (FOLDER / f"{name}.ipynb").stat().st_size < MAX_BYTES


def test_the_claim_is_drawn_as_it_was_measured():
    """The figures in notebook 01 are those of the table in docs/results.md."""
    (cell,) = (c for c in read(NAMES[0])["cells"] if "SPAN_F1 = {" in "".join(c["source"]))
    drawn = next(
        ast.literal_eval(node.value)
        for node in ast.parse("".join(cell["source"])).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SPAN_F1"
    )
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    lines = text[text.index("## The paper's claim") :].splitlines()
    table = [line.strip("|").split("|") for line in lines if line.startswith("|")]
    heading, _, *rows = ([cell.strip() for cell in row] for row in table)
    place = heading.index("CoNLL-2000")
    told = {row[0]: tuple(float(number) for number in row[place].split(" ± ")) for row in rows}
    assert drawn == {name: pytest.approx(figures, abs=6e-4) for name, figures in told.items()}


@pytest.fixture(scope="module")
def working_folder(tmp_path_factory):
    """One for all notebooks of a backend, so that they share the model that each of them begins with."""
    folders = {}

    def folder_of(backend):
        if backend not in folders:
            folders[backend] = tmp_path_factory.mktemp(f"notebooks_{backend}")
        return folders[backend]

    return folder_of


def execute(name, folder, backend):
    """Run all cells in a kernel of their own; the executed notebook."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("anywidget")
    paths = [str(ROOT), str(ROOT / "widgets"), os.environ.get("PYTHONPATH", "")]
    changes = {
        "KERAS_ELECTRA_TINY": "1",
        "KERAS_BACKEND": backend,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    former = {key: os.environ.get(key) for key in changes}
    os.environ.update(changes)
    try:
        notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
        client = nbclient.NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            store_widget_state=False,
        )
        client.execute()
    finally:
        for key, value in former.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value
    assert "widgets" not in notebook.metadata
    size = len(nbformat.writes(notebook))
    assert size < MAX_BYTES, f"{size} bytes with outputs"
    return notebook


@pytest.mark.browser
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs(name, working_folder):
    backend = os.environ["KERAS_BACKEND"]
    execute(name, working_folder(backend), backend)


@pytest.mark.full
@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_on_each_backend(name, backend, working_folder):
    execute(name, working_folder(backend), backend)
