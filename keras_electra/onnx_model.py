"""An exported ONNX file in use, without Keras: predictions in words, and replaced tokens.

Shapes: B rows, T places, C choices, N labels.
"""

import json
import os
import pathlib

import numpy as np

from keras_electra.config.finetune import AnswerConfig
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.detection import Detection, detections
from keras_electra.errors import DamagedDataError, InputError, MissingExtraError
from keras_electra.tasks.collating import INPUTS, collate
from keras_electra.tasks.encoded import EncodedExamples
from keras_electra.tasks.kinds import kind_of
from keras_electra.tasks.predictions import in_order, predictions
from keras_electra.tasks.raw_encoding import encoded
from keras_electra.tasks.raw_examples import inputs_of, is_raw
from keras_electra.tokenizer import WordPieceTokenizer

ABOUT = "keras_electra"
"""Entry of the file's metadata: JSON with `format` and what follows from it.

    kind, task                         what it does: "detection" or a task's kind, and the task's name
    labels, value_range, answers, tagging_form     as of the task model, where its kind has them
    sequence_length                    longest input that it was trained on, in tokens
    max_sequence_length                longest input that it takes
    vocabulary_size, tokenizer, tokenizer_fingerprint     the vocabulary beside it, and its options
    encoder                            the options of `EncoderConfig`
    precision, version                 "float32" or "int8"; of keras-electra
"""
FORMAT = "keras-electra deployed 1"


class OnnxModel:
    """A model that `export --format onnx` wrote, run by onnxruntime; Keras is not needed.

    Args:
        path: the `.onnx` file; its vocabulary lies beside it.
        num_threads: of onnxruntime for one batch; None for one a core.

    Attributes:
        about: what the file says of itself; see `ABOUT`.
        kind: "detection", or a task's kind.
        tokenizer, labels, value_range, answers, sequence_length: as of the model that was exported.

    Raises:
        InputError: for a file that is none of these, or a vocabulary of another model.
        DamagedDataError: for a file that is cut or changed.
        MissingExtraError: without onnxruntime.
    """

    def __init__(self, path: str | os.PathLike, num_threads: int | None = None):
        path = pathlib.Path(path)
        if not path.is_file():
            raise InputError(f"model: expected an ONNX file, received {str(path)!r}")
        self.session = session_of(path, num_threads)
        self.about = about_of(path, self.session)
        self.kind = self.about["kind"]
        self.task_name = self.about["task"]
        self.labels = tuple(self.about["labels"]) if "labels" in self.about else None
        self.value_range = self.about.get("value_range")
        self.tagging_form = self.about.get("tagging_form", "correct")
        self.answers = AnswerConfig.from_dict(self.about.get("answers", {}))
        self.sequence_length = self.about["sequence_length"]
        self.tokenizer = tokenizer_of(path, self.about)
        self._names = [output.name for output in self.session.get_outputs()]

    def outputs(self, token_ids, segment_ids=None, padding_mask=None) -> dict[str, np.ndarray]:
        """What the network says of rows; the names of outputs stand in `docs/deploy.md`.

        Args:
            token_ids: (B, T).
            segment_ids: (B, T) of 0 and 1; None for 0.
            padding_mask: (B, T), True at real tokens; None for all.
        """
        token_ids = np.asarray(token_ids, np.int32)
        if segment_ids is None:
            segment_ids = np.zeros_like(token_ids)
        if padding_mask is None:
            padding_mask = np.ones(token_ids.shape, bool)
        inputs = {
            "token_ids": token_ids,
            "segment_ids": np.asarray(segment_ids, np.int32),
            "padding_mask": np.asarray(padding_mask, bool),
        }
        longest = self.about["max_sequence_length"]
        if token_ids.ndim != 2 or token_ids.shape[1] > longest:
            raise InputError(
                f"token_ids: expected rows of at most {longest} tokens, "
                f"received an array of shape {token_ids.shape}"
            )
        return dict(zip(self._names, self.session.run(None, inputs), strict=True))

    def predict(self, x, batch_size: int = 32) -> list[dict]:
        """Predictions in words, one row per raw example; as `predict` of the task model gives them.

        Args:
            x: raw examples or files with examples, as for the task model.
            batch_size: rows per pass.
        """
        if self.kind == "detection":
            raise InputError("model: expected one for a task, received a detector; see `detect`")
        return self.predict_rows(self.encoded(inputs_of(self, x)), batch_size)

    def encoded(self, x) -> EncodedExamples:
        """Raw examples as rows of token ids.

        Raises:
            InputError: for an example that cannot be used.
        """
        if not is_raw(x):
            raise InputError(f"x: expected a list of raw examples, received a {type(x).__name__}")
        return encoded(self, self.about["max_sequence_length"], x)

    def predict_rows(self, rows: EncodedExamples, batch_size: int = 32) -> list[dict]:
        """Predictions of encoded examples, one row per example."""
        if not len(rows):
            return []
        order = np.argsort(rows.lengths, kind="stable")
        outputs = []
        for first in range(0, len(order), batch_size):
            chosen = order[first : first + batch_size]
            length = int(rows.lengths[chosen].max())
            batch = collate(rows, chosen, length=length, batch_size=len(chosen))
            inputs = {name: batch[name] for name in INPUTS}
            found = kind_of(self.kind).from_exported(self.outputs, inputs, batch)
            outputs.append((batch["rows"], found))
        return predictions(rows, in_order(outputs), self.answers.null_threshold)

    def detect(self, texts, batch_size: int = 16) -> list[Detection]:
        """How probable it is, for every token of some texts, that it was replaced.

        Args:
            texts: any number of strings, or files with texts, as for `keras_electra.detect`.
            batch_size: windows per pass.
        """
        if self.kind != "detection":
            raise InputError(
                f"model: expected a detector, received one for {self.kind}; see `predict`"
            )

        def score(token_ids, padding_mask):
            return self.outputs(token_ids, padding_mask=padding_mask)["logits"]

        return detections(texts, self.tokenizer, score, self.sequence_length, batch_size)


def session_of(path, num_threads: int | None = None):
    """An `onnxruntime.InferenceSession` of a file, on the processor.

    Raises:
        DamagedDataError: if onnxruntime cannot read it.
        MissingExtraError: without onnxruntime.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("running ONNX", "export") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads or 0
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            os.fspath(path), options, providers=["CPUExecutionProvider"]
        )
    # Its errors have no class in common but this one.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise DamagedDataError(
            f"{str(path)!r}: expected an ONNX file, received one that onnxruntime refuses ({reason})"
        ) from error


def about_of(path, session) -> dict:
    """What a file says of itself."""
    text = session.get_modelmeta().custom_metadata_map.get(ABOUT)
    try:
        about = json.loads(text or "{}")
    except ValueError as error:
        raise DamagedDataError(f"{str(path)!r}: expected JSON in its metadata ({error})") from error
    if about.get("format") != FORMAT:
        raise InputError(
            f"{str(path)!r}: expected a file that `export --format onnx` wrote, "
            f"received one of format {about.get('format')!r}"
        )
    return about


def vocabulary_path(path) -> pathlib.Path:
    """Where the vocabulary of an ONNX file lies: `model.vocab.txt` beside `model.onnx`."""
    return pathlib.Path(path).with_suffix(".vocab.txt")


def tokenizer_of(path, about: dict) -> WordPieceTokenizer:
    """The tokenizer of an ONNX file."""
    place = vocabulary_path(path)
    tokenizer = WordPieceTokenizer.from_file(place, TokenizerConfig.from_dict(about["tokenizer"]))
    if tokenizer.fingerprint != about["tokenizer_fingerprint"]:
        raise InputError(f"{str(place)!r}: expected the vocabulary that was exported, got another")
    return tokenizer
