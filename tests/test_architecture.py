"""The shape of the package, checked: imports point downwards, and one folder names the backends."""

import ast
import pathlib
import subprocess
import sys

import pytest

import keras_electra
from keras_electra.tasks.kinds import kind_names

PACKAGE = pathlib.Path(keras_electra.__file__).parent
WIDGETS = PACKAGE.parent / "widgets" / "keras_electra_widgets"
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


def test_no_module_has_the_name_of_what_the_package_exports():
    """Importing the module would put it where the function was."""
    names = {path.stem for path in PACKAGE.glob("*.py")}
    names |= {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    exported = set(keras_electra.__all__) - set(keras_electra._MODULES)
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


KIND_NAMES = set(kind_names())
SOURCES = [*FILES, *sorted(WIDGETS.rglob("*.py"))]


def compared_kinds(tree: ast.AST):
    """(line, name) of each kind's name that code compares, dispatches by, or lists with others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            asked = [*ast.walk(node)]
        elif isinstance(node, ast.MatchValue):
            asked = [node.value]
        elif isinstance(node, ast.Dict):
            asked = [key for key in node.keys if key is not None]
        elif isinstance(node, ast.Subscript):
            asked = [node.slice]
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            # One name in a tuple may be a value; two are a list of kinds.
            names = {one.value for one in node.elts if isinstance(one, ast.Constant)}
            asked = node.elts if len(names & KIND_NAMES) > 1 else []
        else:
            continue
        for one in asked:
            if isinstance(one, ast.Constant) and one.value in KIND_NAMES:
                yield one.lineno, one.value


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE.parent)))
def test_only_a_kind_of_task_knows_its_name(path):
    if path.parent != PACKAGE / "tasks" / "kinds":
        found = list(compared_kinds(ast.parse(path.read_text(encoding="utf-8"))))
        assert not found, f"{path}: ask `tasks.kinds.kind_of(...)` in place of {found}"


@pytest.mark.parametrize(
    "code",
    [
        'kind == "tagging"',
        'kind in ("tagging", "regression")',
        'kind not in {"tagging"} or "regression" != kind',
        'x = {"tagging": 1}[kind]',
        'match kind:\n    case "tagging":\n        pass',
        'KINDS = ("tagging", "regression")',
        'table["tagging"]',
    ],
)
def test_a_compared_kind_is_found(code):
    assert list(compared_kinds(ast.parse(code)))


def test_a_kind_may_be_named():
    code = 'Task(kind="tagging")\nfound = ("regression", (0, 5))\nreturn_value = "tagging"'
    assert not list(compared_kinds(ast.parse(code)))
