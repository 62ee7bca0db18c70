"""A model as an ONNX file, written from its weights, so that every backend gives the same file."""

import pathlib

from keras_electra.deploy.checking import Difference, checked
from keras_electra.deploy.network import INPUTS, Deployment, deployment
from keras_electra.errors import InputError, MissingExtraError
from keras_electra.files import new_file, remove, to_json, write_bytes
from keras_electra.onnx_model import ABOUT, session_of, vocabulary_path

PRECISIONS = ("float32", "int8")


def export_onnx(model, path, *, precision: str = "float32", task: str | None = None) -> Difference:
    """Write a model as an ONNX file that takes any number of rows of any length.

    Beside it comes its vocabulary, `NAME.vocab.txt` for `NAME.onnx`; what else a user of it has to know
    stands in its metadata. `keras_electra.OnnxModel` opens it, without Keras.

    Args:
        model: as of `deployment`: a pretrained model or a task model.
        path: a new file, ending in `.onnx`.
        precision: "float32"; or "int8", in which onnxruntime's quantizer turns the matrices that are
            multiplied or looked up into whole numbers.
        task: which head of a model of several tasks.

    Returns:
        How far its outputs are from Keras'; see `checking`.

    Raises:
        InputError: for a model or path that will not do.
        DifferenceError: if onnxruntime does not say what Keras says; nothing is left behind.
        MissingExtraError: without onnx or onnxruntime.
    """
    path = pathlib.Path(path)
    require_onnx()
    check_precision(precision)
    refuse_existing(path, ".onnx")
    deployed = deployment(model, task)
    try:
        with new_file(path) as file:
            difference = write_checked(deployed, file, precision)
            deployed.tokenizer.save(vocabulary_path(path), with_options=False)
    except BaseException:
        if not path.exists():
            remove(vocabulary_path(path))
        raise
    return difference


def check_precision(precision: str) -> None:
    """Raise `InputError` for a precision that is not known."""
    if precision not in PRECISIONS:
        raise InputError(
            f"precision: expected one of {', '.join(PRECISIONS)}, received {precision!r}"
        )


def write_checked(deployed: Deployment, path, precision: str) -> Difference:
    """Write the file and ask onnxruntime what it says."""
    write_graph(deployed, path)
    if precision == "int8":
        quantize(path)
    describe(path, {**deployed.about, "precision": precision})
    session = session_of(path)
    names = [output.name for output in session.get_outputs()]

    def outputs(inputs):
        return dict(zip(names, session.run(None, inputs), strict=True))

    return checked(deployed, outputs, is_int8=precision == "int8")


def write_graph(deployed: Deployment, path) -> None:
    """The network in ONNX's operations."""
    import onnx
    from onnx import helper

    from keras_electra.deploy.encoder_graph import encoder_graph
    from keras_electra.deploy.graph import IR_VERSION, OPSET, Graph

    graph, network = Graph(), deployed.network
    named = network.graph_outputs(graph, encoder_graph(graph, network.backbone))
    for name, inner in named.items():
        graph.nodes.append(helper.make_node("Identity", [inner], [name]))
    _, sample = deployed.samples[0]
    inputs = [(name, dtype, ["batch", "length"]) for name, dtype in INPUTS.items()]
    outputs = [
        (name, sample[name].dtype.name, axes(sample[name].shape, name in network.positions_in))
        for name in named
    ]
    finished = graph.finished("keras_electra", inputs, outputs)
    opset = helper.make_opsetid("", OPSET)
    proto = helper.make_model(finished, opset_imports=[opset], producer_name="keras-electra")
    proto.ir_version = IR_VERSION
    onnx.checker.check_model(proto)
    write_bytes(path, proto.SerializeToString())


def axes(shape: tuple[int, ...], has_positions: bool) -> list:
    """The axes of an output: names of those that vary, sizes of the others."""
    return ["batch", "length", *shape[2:]] if has_positions else ["batch", *shape[1:]]


def quantize(path) -> None:
    """Have onnxruntime turn the matrices of a file into int8, in place."""
    import logging

    from onnxruntime.quantization import QuantType, quantize_dynamic

    # The root logger is told at every file that the graph might be preprocessed.
    logging.disable(logging.WARNING)
    try:
        # 7 bits for weights: products of 8 and 8 overflow on processors without VNNI.
        quantize_dynamic(
            path, path, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8
        )
    finally:
        logging.disable(logging.NOTSET)


def describe(path, about: dict) -> None:
    """Put what there is to know about a model into its metadata."""
    import onnx
    from onnx import helper

    proto = onnx.load(path)
    helper.set_model_props(proto, {ABOUT: to_json(about)})
    write_bytes(path, proto.SerializeToString())


def refuse_existing(path: pathlib.Path, suffix: str) -> None:
    """Raise `InputError` unless `path` is a new file of the right ending in a folder that is there."""
    if path.suffix != suffix:
        raise InputError(f"out: expected a file that ends in {suffix}, received {str(path)!r}")
    if path.exists():
        raise InputError(f"out: expected a new file, received {str(path)!r}, which exists")
    if not path.parent.is_dir():
        raise InputError(f"out: expected an existing folder, received {str(path.parent)!r}")


def require_onnx() -> None:
    """Raise `MissingExtraError` without onnx or onnxruntime."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("writing ONNX", "export") from error
