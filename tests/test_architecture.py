"""The shape of the package, checked: imports point downwards, and one folder names the backends."""

import ast
import pathlib
import re
import subprocess
import sys

import pytest

import keras_electra

PACKAGE = pathlib.Path(keras_electra.__file__).parent
BACKENDS = {"jax", "jaxlib", "tensorflow", "torch"}

# Modules and folders from the bottom up; of two levels as of one, the later may import the earlier.
LEVELS = [
    "errors files foreign_files config flops corpus tokenizer store masking metrics scoring tasks "
    "runs windows detection onnx_model exploring launching traces workers comparing",
    "backends",
    "assets initializers schedules sampling statistics layers encoder_layer heads task_heads muon "
    "loss_scale optimizers batches task_batches callbacks run_callbacks run_logger",
    "backbone lora networks assembly",
    "pretrainer task_models",
    "models weights checkpoint presets convert opening continuing",
    "passes evaluation predict inspection tracing deploy",
    "micro_batches pretraining profiling finetuning serving",
    "cli inspect_worker predict_worker __main__ __init__",
]
ORDER = {name: place for place, name in enumerate(" ".join(LEVELS).split())}
WITHOUT_KERAS = set(LEVELS[0].split()) | {"__init__", "__main__"}
FILES = sorted(PACKAGE.rglob("*.py"))

# Files that compute with tensors: each product and each change of axes there has its shape in a comment.
TENSOR_FILES = """
backbone encoder_layer heads layers muon networks optimizers sampling statistics task_heads
deploy/encoder_graph micro_batches windows
"""
WITH_SHAPES = [
    *(PACKAGE / f"{name}.py" for name in TENSOR_FILES.split()),
    *sorted((PACKAGE / "task_models").glob("*.py")),
    *sorted((PACKAGE / "backends").rglob("*.py")),
]
SHAPED = """
addmm chunk concat concatenate dense einsum embedding gather gather_places matmul reshape roll
scaled_dot_product_attention split stack swapaxes take take_along_axis top_k transpose
"""
SHAPE = re.compile(r"# .*\((\.\.\.|[^()]*,[^()]*|)\)")


def part_of(path: pathlib.Path) -> str:
    """The module or folder, directly below the package, that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: pathlib.Path):
    """Dotted names that a file imports, those inside its functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            if node.module == "keras_electra":
                yield from (f"keras_electra.{alias.name}" for alias in node.names)
            else:
                yield node.module


def test_every_module_has_its_level():
    assert {part_of(path) for path in FILES} <= ORDER.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path):
    for name in imported(path):
        first, *rest = name.split(".")
        if first == "keras_electra" and rest and rest[0] in ORDER:
            is_below = ORDER[rest[0]] < ORDER[part_of(path)] or rest[0] == part_of(path)
            assert is_below, f"imports {name} from above"
        elif first == "keras":
            assert part_of(path) not in WITHOUT_KERAS, "imports Keras below level 1"
        elif first in BACKENDS:
            # `tensorflow.py` and what more needs TensorFlow by name, `tensorflow_checkpoints.py`.
            is_own = part_of(path) == "backends" and path.stem.split("_")[0] == first
            assert is_own, f"names the backend {first}"


def without_shape(path: pathlib.Path):
    """Lines of calls in `SHAPED`, and of `@`, in statements with no shape comment in or before them."""
    source = path.read_text(encoding="utf-8")
    lines = ["", *source.splitlines()]
    for statement in ast.walk(ast.parse(source)):
        if not isinstance(statement, ast.stmt) or hasattr(statement, "body"):
            continue
        own = lines[statement.lineno : statement.end_lineno + 1]
        before = lines[statement.lineno - 1].strip()
        if any(SHAPE.search(line) for line in [*own, *([before] if before[:1] == "#" else [])]):
            continue
        for node in ast.walk(statement):
            called = getattr(node, "func", None)
            name = getattr(called, "attr", getattr(called, "id", None))
            is_product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
            if name in SHAPED.split() or is_product:
                yield f"{path.name}:{node.lineno}: {lines[node.lineno].strip()}"


@pytest.mark.parametrize("path", WITH_SHAPES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_products_and_changes_of_axes_have_their_shape(path):
    assert not list(without_shape(path))


def test_a_missing_shape_is_found(tmp_path):
    file = tmp_path / "model.py"
    rows = ["y = ops.matmul(x, w)", "y = x @ w", "y = ops.reshape(x, (-1,))  # (N,)", "# (B, T)"]
    file.write_text(
        "\n".join([*rows, "y = ops.take(x, i)", "if y:", "    z = split(y, 2)  # three"])
    )
    assert [found.split(":")[1] for found in without_shape(file)] == ["1", "2", "7"]


def test_no_module_has_the_name_of_what_the_package_exports():
    """Importing the module would put it where the function was."""
    names = {path.stem for path in PACKAGE.glob("*.py")}
    names |= {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    exported = set(keras_electra.__all__) - {"convert", "models"}
    assert not names & exported


@pytest.mark.parametrize("folder", [".", "devices"])
def test_backends_have_the_same_functions(folder):
    def public(path):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        named = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        assigned = [
            target.id for node in body if isinstance(node, ast.Assign) for target in node.targets
        ]
        # `from … import name as name` hands a name on.
        imports = [node for node in body if isinstance(node, ast.ImportFrom)]
        handed_on = [one.name for node in imports for one in node.names if one.asname == one.name]
        return {name for name in [*named, *assigned, *handed_on] if not name.startswith("_")}

    names = ("jax", "tensorflow", "torch")
    found = {name: public(PACKAGE / "backends" / folder / f"{name}.py") for name in names}
    if folder == "devices":
        # What only the training step of one backend asks for.
        found["jax"] -= {"PROCESSES", "in_parts"}
        found["torch"] -= {"REPLICA", "add_up", "replica_of", "without_averaging"}
    assert found["jax"] == found["tensorflow"] == found["torch"]


def test_importing_the_package_imports_no_keras():
    program = (
        "import sys, keras_electra, keras_electra.runs, keras_electra.store\n"
        f"loaded = {BACKENDS | {'keras'}!r} & set(sys.modules)\n"
        "print(*loaded)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(PACKAGE.parent), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


@pytest.mark.parametrize("name", keras_electra.__all__)
def test_every_exported_name_can_be_had(name):
    value = getattr(keras_electra, name)
    assert value.__doc__
    assert name in dir(keras_electra)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="ElectraBackbon"):
        keras_electra.ElectraBackbon  # noqa: B018
