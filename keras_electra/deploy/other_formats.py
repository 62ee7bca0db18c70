"""A model for OpenVINO, TensorFlow, LiteRT and PyTorch without this package."""

import importlib.util
import pathlib

import keras

from keras_electra import backends
from keras_electra.deploy.checking import Difference, checked
from keras_electra.deploy.network import INPUTS, Deployment, deployment
from keras_electra.deploy.onnx_file import refuse_existing, require_onnx, write_graph
from keras_electra.errors import InputError, MissingExtraError
from keras_electra.files import new_file, new_folder, refuse_full_folder, remove, write_json

BACKEND_OF_FORMAT = {"saved-model": "tensorflow", "litert": "tensorflow", "torch": "torch"}
SUFFIXES = {"litert": ".tflite", "torch": ".pt2"}
"""Endings of the formats that are files; the others are folders."""

PACKAGES = {"openvino": "openvino", "litert": "ai_edge_litert"}
"""Module that runs a format, where that is not the backend itself; the extra has the format's name."""

MODEL_FILE, ABOUT_FILE, VOCABULARY_FILE = "model.xml", "about.json", "vocab.txt"
JOINT_ENDS_WITHOUT = ("litert",)
"""Formats whose runtime has no loop over the beams of answers."""


def export_other(model, path, format: str, *, task: str | None = None) -> Difference:
    """Write a model for another runtime, for any number of rows of any length.

    openvino: a folder, on every backend; saved-model: a folder, and litert: a `.tflite` file, on
    TensorFlow; torch: a `.pt2` file of `torch.export`, on PyTorch. Any model opens on any backend,
    whichever trained it. `about.json` and `vocab.txt` stand in the folder, or beside the file as
    `NAME.about.json` and `NAME.vocab.txt`; `about.json` holds what the metadata of an ONNX file holds.

    Args:
        model: as of `deployment`: a pretrained model or a task model.
        path: a new file or folder.
        format: one of the above.
        task: which head of a model of several tasks.

    Returns:
        How far its outputs are from Keras', as its own runtime reads what was written.

    Raises:
        InputError: for a model, path or backend that will not do.
        DifferenceError: if the runtime does not say what Keras says; nothing is left behind.
        MissingExtraError: without the runtime.
    """
    path = pathlib.Path(path)
    require_runtime(format)
    if format in SUFFIXES:
        refuse_existing(path, SUFFIXES[format])
    else:
        refuse_full_folder(path)
    deployed = deployment(model, task)
    refuse_joint_ends(deployed, format)
    sides = side_files(path) if format in SUFFIXES else {}
    try:
        with new_file(path) if sides else new_folder(path, "empty") as place:
            difference = checked(deployed, written(deployed, place, format))
            describe(deployed, sides or side_files_in(place))
    except BaseException:
        for side in sides.values():
            remove(side)
        raise
    return difference


def written(deployed: Deployment, path, format: str):
    """Write the network; a function from a batch to what the format's runtime says."""
    if format == "openvino":
        return export_openvino(deployed, path)
    sample, _ = deployed.samples[1]
    return backends.EXPORTS[format](deployed.network, path, INPUTS, sample, deployed.longest)


def export_openvino(deployed: Deployment, path):
    """Write a folder with OpenVINO's two files, by way of ONNX."""
    import openvino

    through = path / "model.onnx"
    write_graph(deployed, through)
    model = openvino.convert_model(through)
    through.unlink()
    openvino.save_model(model, path / MODEL_FILE, compress_to_fp16=False)
    # Processors with bfloat16 would compute in that by themselves.
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.compile_model(path / MODEL_FILE, "CPU", options)
    _, names = deployed.samples[0]

    def outputs(arrays):
        found = compiled(arrays)
        return {name: found[name] for name in names}

    return outputs


def side_files(path: pathlib.Path) -> dict:
    """Where vocabulary and description of a file lie."""
    return {
        "vocabulary": path.with_suffix(".vocab.txt"),
        "about": path.with_suffix(".about.json"),
    }


def side_files_in(folder: pathlib.Path) -> dict:
    """Where vocabulary and description of a folder lie."""
    return {"vocabulary": folder / VOCABULARY_FILE, "about": folder / ABOUT_FILE}


def describe(deployed: Deployment, places: dict) -> None:
    """Write vocabulary and description."""
    deployed.tokenizer.save(places["vocabulary"], with_options=False)
    write_json(places["about"], {**deployed.about, "precision": "float32"})


def require_runtime(format: str) -> None:
    """Raise unless the running backend writes the format and its runtime is installed."""
    known = ("openvino", *BACKEND_OF_FORMAT)
    if format not in known:
        raise InputError(f"format: expected one of {', '.join(known)}, received {format!r}")
    needed, running = BACKEND_OF_FORMAT.get(format), keras.config.backend()
    if needed not in (None, running):
        raise InputError(
            f"format {format!r}: expected Keras to run on {needed}, which writes it, received "
            f"{running}; any model opens there (--backend {needed})"
        )
    if format == "openvino":
        require_onnx()
    if format in PACKAGES and importlib.util.find_spec(PACKAGES[format]) is None:
        raise MissingExtraError(f"writing {format}", format)


def refuse_joint_ends(deployed: Deployment, format: str) -> None:
    """Raise `InputError` for a loop that the format's runtime does not know."""
    head = deployed.network.head
    if format in JOINT_ENDS_WITHOUT and getattr(head, "has_joint_ends", False):
        raise InputError(
            f"model: expected one without joint ends for {format}, received has_joint_ends=True, "
            "whose loop over starts its runtime lacks; onnx carries it"
        )
