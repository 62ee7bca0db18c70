"""The shape of the package, checked: imports point downwards, and one folder names the backends."""

import ast
import io
import pathlib
import re
import subprocess
import sys
import tokenize

import pytest

import keras_electra
from keras_electra.generators import GENERATORS
from keras_electra.objectives import OBJECTIVES
from keras_electra.tasks.kinds import kind_names

PACKAGE = pathlib.Path(keras_electra.__file__).parent
WIDGETS = PACKAGE.parent / "widgets" / "keras_electra_widgets"
BACKENDS = {"jax", "jaxlib", "tensorflow", "torch"}

# Modules and folders from the bottom up; of two levels as of one, the later may import the earlier.
LEVELS = [
    "errors files processes foreign_files generators objectives config flops corpus tokenizer store "
    "masking metrics scoring tasks runs monitoring windows detection onnx_model exploring launching "
    "traces workers comparing",
    "backends",
    "assets initializers schedules sampling statistics layers encoder_layer heads task_heads muon "
    "loss_scale optimizers step_batches batches task_batches callbacks run_callbacks run_logger",
    "backbone lora networks assembly",
    "pretrainer task_models",
    "models weights checkpoint presets convert opening continuing",
    "passes evaluation predict inspection tracing deploy",
    "micro_batches pretraining profiling finetuning serving",
    "cli inspect_worker predict_worker __main__ __init__",
]
ORDER = {name: place for place, name in enumerate(" ".join(LEVELS).split())}
WITHOUT_KERAS = set(LEVELS[0].split()) | {"__init__", "__main__"}
LATE = {"generators": "pretrainer", "objectives": "pretrainer"}
"""What the options import without Keras, and what computes: inside its functions, and for its types,
such a folder may import what lies below the module named here, and Keras."""
FILES = sorted(PACKAGE.rglob("*.py"))
WITHOUT_CODE = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE),
    *(tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
}

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
    return [name for name, _ in imports_of(path)]


def imports_of(path: pathlib.Path):
    """(dotted name, whether importing the file imports it, too) of all that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = set()
    for node in ast.walk(tree):
        is_of_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if is_of_types or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            late |= set(ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node not in late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            if node.module == "keras_electra":
                yield from ((f"keras_electra.{one.name}", node not in late) for one in node.names)
            else:
                yield node.module, node not in late


def test_every_module_has_its_level():
    assert {part_of(path) for path in FILES} <= ORDER.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path):
    for name, is_at_import in imports_of(path):
        first, *rest = name.split(".")
        part = part_of(path)
        limit = part if is_at_import else LATE.get(part, part)
        if first == "keras_electra" and rest and rest[0] in ORDER:
            is_below = ORDER[rest[0]] < ORDER[limit] or rest[0] in (part, limit)
            assert is_below, f"imports {name} from above"
        elif first == "keras":
            assert limit not in WITHOUT_KERAS, "imports Keras below level 1"
        elif first in BACKENDS:
            # `tensorflow.py` and what more needs TensorFlow by name, `tensorflow_checkpoints.py`.
            is_own = part_of(path) == "backends" and path.stem.split("_")[0] == first
            assert is_own, f"names the backend {first}"


def by_name(tree: ast.AST):
    """Line of each place that compares the name of an objective or of a kind of generator."""
    # "small" is the name of a size, too.
    names = {kind.name for kind in (*OBJECTIVES, *GENERATORS)} - {"small"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            compared = [node.left, *node.comparators]
        elif isinstance(node, ast.Match):
            parts = [part for case in node.cases for part in ast.walk(case.pattern)]
            compared = [node.subject, *(part.value for part in parts if hasattr(part, "value"))]
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Dict):
            compared = [node.slice, *node.value.keys]
        else:
            continue
        compared += [part for one in compared for part in getattr(one, "elts", ())]
        texts = {part.value for part in compared if isinstance(part, ast.Constant)} - {None}
        owners = {part.attr for part in compared if isinstance(part, ast.Attribute)}
        if texts & names or (texts and owners & {"objective", "generator"}):
            yield node.lineno


@pytest.mark.parametrize(
    "program",
    [
        'config.objective.objective == "rtd"',
        'name in ("electric", "other")',
        'options.generator != "small"',
        'other = ["two_tower"] if kind in {"two_tower"} else []',
        '{"rtd": 1}[model.objective.objective]',
        'match name:\n case "mlm" | "rtd":\n  pass',
    ],
)
def test_asking_for_a_name_is_found(program):
    assert list(by_name(ast.parse(program))) == [1]


@pytest.mark.parametrize(
    "program",
    ["model.generator is None", 'size == "small"', 'changes["objective"] = kind.name', 'x["mlm"]'],
)
def test_what_asks_for_no_name_is_let_be(program):
    assert not list(by_name(ast.parse(program)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_objectives_and_generators_are_asked_and_not_compared_by_name(path):
    """What differs between them stands in their own files; the tuples are the only lists of them."""
    lines = list(by_name(ast.parse(path.read_text(encoding="utf-8"))))
    assert not lines, f"compares a name in lines {lines}"


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
        "import sys, keras_electra, keras_electra.runs, keras_electra.store, "
        "keras_electra.config.pretrain\n"
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


# Who writes files without `files`, and why.
WRITERS = {
    "backends/tensorflow.py": "what TensorFlow converted, for its own next step",
    "cli/__init__.py": "the null device, in place of an output that was closed",
    "launching/starting.py": "what another process prints",
    "store/preparing/disk_arrays.py": "arrays in a folder in the making, mapped into memory",
    "workers/loop.py": "the null device, in place of standard output",
}
RENAMING = {"link", "open", "rename", "replace", "truncate", "ftruncate"}


def is_writing(node: ast.AST) -> bool:
    """Whether it opens a file for writing, renames one, or asks for locks."""
    if isinstance(node, ast.Import):
        return bool({"fcntl", "msvcrt", "filelock"} & {alias.name for alias in node.names})
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        owner = getattr(node.func.value, "id", None)
        if (owner == "os" and node.func.attr in RENAMING) or node.func.attr in {
            "rename",
            "write_bytes",
            "write_text",
        }:
            return True
    if getattr(node.func, "id", getattr(node.func, "attr", None)) != "open":
        return False
    values = [*node.args, *(word.value for word in node.keywords if word.arg == "mode")]
    modes = [value.value for value in values if isinstance(value, ast.Constant)]
    return any(isinstance(mode, str) and re.fullmatch("[rbt]*[wax+][bt+]*", mode) for mode in modes)


@pytest.mark.parametrize(
    "line",
    [
        "import fcntl",
        "os.replace(a, b)",
        "os.open(path, os.O_RDWR)",
        "path.write_text('')",
        "open(path, 'w')",
        "open(path, mode='r+b')",
        "path.open('ab')",
    ],
)
def test_writing_is_seen(line):
    assert any(map(is_writing, ast.walk(ast.parse(line))))


@pytest.mark.parametrize(
    "line", ["open(path)", "path.open('rb')", "'a'.replace('a', 'w')", "write_bytes(path, content)"]
)
def test_what_is_no_writing(line):
    assert not any(map(is_writing, ast.walk(ast.parse(line))))


def test_files_are_written_in_one_place():
    """Whole or not at all, through no link, and with one sentence where the disk is full."""
    found = set()
    for path in [*FILES, *PACKAGE.parent.glob("widgets/keras_electra_widgets/*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        name = path.relative_to(PACKAGE.parent).as_posix().removeprefix("keras_electra/")
        if not name.startswith("files/") and any(map(is_writing, ast.walk(tree))):
            found.add(name)
    assert found == WRITERS.keys()


def test_looking_at_runs_is_apart_from_writing_them():
    """Level 0 is in order, so that `runs` cannot import `monitoring`; neither writes for the other."""
    assert ORDER["files"] < ORDER["runs"] < ORDER["monitoring"]
    for path in (PACKAGE / "monitoring").glob("*.py"):
        taken = {name for name in imported(path) if name.startswith("keras_electra.runs.")}
        assert taken <= {"keras_electra.runs.folder", "keras_electra.runs.settings"}, path


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


MAX_LINES_OF_CODE = 34_140
"""A commit that adds a feature may raise it, by what the feature takes; every other lowers it."""


def lines_of_code(source: str) -> int:
    """Lines that are not blank, and no comment or docstring alone."""
    filled = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in WITHOUT_CODE:
            filled.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if ast.get_docstring(node) is not None and first is not None:
                filled -= set(range(first.lineno, first.end_lineno + 1))
    return len(filled)


def test_lines_of_code_are_counted():
    assert lines_of_code('"""Of a module."""\n\n# A comment.\nx = (\n    1\n)\n') == 3
    assert lines_of_code('def f():\n    """Does\n    it."""\n    return 1  # one\n') == 2


def test_the_package_does_not_grow():
    counted = sum(lines_of_code(path.read_text(encoding="utf-8")) for path in FILES)
    assert counted <= MAX_LINES_OF_CODE
