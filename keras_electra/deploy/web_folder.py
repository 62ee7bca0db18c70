"""A folder with a web page that runs a model in the browser, and needs nothing from elsewhere."""

import pathlib
import shutil

from keras_electra.deploy.checking import Difference
from keras_electra.deploy.network import deployment
from keras_electra.deploy.onnx_file import check_precision, require_onnx, write_checked
from keras_electra.errors import InputError
from keras_electra.files import new_folder, refuse_full_folder, to_json, write_bytes
from keras_electra.tasks import kinds
from keras_electra.tokenizer.normalization import character_tables

PAGE = pathlib.Path(__file__).parent / "page"

RUNTIME_FILES = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
)
"""Files of onnxruntime-web, in `dist/`, that a page needs to run on the processor."""


def export_web(
    model, path, runtime, *, precision: str = "float32", task: str | None = None
) -> Difference:
    """Write a folder that any static web server can show: page, runtime, model and vocabulary.

    Args:
        model: as of `deployment`; a detector, or a model that gives labels or a number for texts.
        path: a new or empty folder.
        runtime: folder of the unpacked npm package `onnxruntime-web`.
        precision, task: as of `export_onnx`.

    Returns:
        How far the model's outputs are from Keras', as onnxruntime says them here.

    Raises:
        InputError: for a model, path or runtime that will not do.
        DifferenceError: if onnxruntime does not say what Keras says; nothing is left behind.
    """
    path = pathlib.Path(path)
    require_onnx()
    check_precision(precision)
    refuse_full_folder(path)
    files = runtime_files(runtime)
    deployed = deployment(model, task)
    known = ["detection", *(kind.name for kind in kinds.KINDS if kind.has_page)]
    if deployed.about["kind"] not in known:
        raise InputError(
            f"model: expected one of kind {', '.join(known)}, which the page can show, "
            f"received {deployed.about['kind']!r}"
        )
    with new_folder(path, "empty") as folder:
        shutil.copytree(PAGE, folder, dirs_exist_ok=True)
        (folder / "runtime").mkdir()
        for file in files:
            shutil.copyfile(file, folder / "runtime" / file.name)
        difference = write_checked(deployed, folder / "model.onnx", precision)
        deployed.tokenizer.save(folder / "vocab.txt", with_options=False)
        about = {**deployed.about, "precision": precision, "unicode": character_tables()}
        write_bytes(folder / "about.json", f"{to_json(about)}\n".encode())
    return difference


def runtime_files(runtime) -> list[pathlib.Path]:
    """The files of onnxruntime-web to copy, its licence or description among them.

    Raises:
        InputError: if one of those that the page needs is not there.
    """
    runtime = pathlib.Path(runtime)
    folder = runtime / "dist" if (runtime / "dist").is_dir() else runtime
    files = [folder / name for name in RUNTIME_FILES]
    for file in files:
        if not file.is_file():
            raise InputError(
                f"runtime: expected the unpacked package onnxruntime-web with dist/{file.name}, "
                f"received {str(runtime)!r}"
            )
    notices = [runtime / name for name in ("LICENSE", "package.json")]
    return files + [notice for notice in notices if notice.is_file()]
