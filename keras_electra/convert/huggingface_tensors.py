"""The tensors of a Hugging Face folder by the original's names.

`transformers` keeps kernels as (outputs, inputs), the transpose of the original's and of those here.
"""

import numpy as np

from keras_electra.convert.tensor_files import read_tensors
from keras_electra.errors import InputError

TIED_TABLES = ("generator_lm_head.weight", "cls.predictions.decoder.weight")
TIED_BIAS, BIAS = "cls.predictions.decoder.bias", "cls.predictions.bias"
HEADS = ("discriminator_", "generator_", "classifier", "sequence_summary", "qa_outputs", "cls")
"""What names of weights outside the encoder begin with."""

NOT_WEIGHTS = ("position_ids", "token_type_ids")
"""Tables of constants that some versions of `transformers` saved too."""


def huggingface_name(name: str) -> str:
    """The name in `transformers` of a variable of the original, without the scope of the network.

    Example: `huggingface_name("encoder/layer_0/output/dense/kernel")` is
    `"encoder.layer.0.output.dense.weight"`.
    """
    if name == "generator_predictions/output_bias":
        return "generator_lm_head.bias"
    name = name.replace("layer_", "layer/").replace("dense_1/", "dense_prediction/")
    *scopes, last = name.split("/")
    if last.endswith("_embeddings"):
        scopes, last = [*scopes, last], "weight"
    words = {"kernel": "weight", "gamma": "weight", "beta": "bias"}
    return ".".join([*scopes, words.get(last, last)])


class FolderTensors:
    """The tensors of a folder, asked for by the original's names; remembers which were used.

    Args:
        scope: prefix that the encoder's names have when a class with a head was saved.
    """

    def __init__(self, folder, scope):
        # Files of 2018 still have TensorFlow's words for the parts of a LayerNorm.
        self.arrays = {
            name.replace("LayerNorm.gamma", "LayerNorm.weight").replace(
                "LayerNorm.beta", "LayerNorm.bias"
            ): value
            for name, value in read_tensors(folder).items()
        }
        self.folder = folder
        has_scope = any(name.startswith(f"{scope}.") for name in self.arrays)
        self.prefix = f"{scope}." if has_scope else ""
        self.used = set()

    def value(self, name: str, shape=None) -> np.ndarray:
        """The tensor of the original's name, kernels transposed.

        Raises:
            InputError: if it is not there, or not of this shape.
        """
        theirs = huggingface_name(name)
        if not theirs.startswith(HEADS):
            theirs = self.prefix + theirs
        if theirs not in self.arrays:
            raise InputError(f"{self.folder}: expected the tensor {theirs!r}, not found")
        value = self.arrays[theirs]
        value = value.T if name.endswith("kernel") else value
        if value.dtype != np.float32:
            raise InputError(
                f"{self.folder}: expected numbers in {theirs!r}, received {value.dtype}"
            )
        if shape is not None and value.shape != tuple(shape):
            order = -1 if name.endswith("kernel") else 1
            raise InputError(
                f"{self.folder}: expected {theirs!r} of shape {tuple(shape)[::order]}, "
                f"received {value.shape[::order]}"
            )
        self.used.add(theirs)
        return value

    def check_tied(self):
        """Refuse an output table that is not the token table: a generator here has one for both."""
        for name in TIED_TABLES:
            table = self.arrays.get(name)
            if table is None:
                continue
            if not np.array_equal(table, self.value("embeddings/word_embeddings")):
                raise InputError(
                    f"{self.folder}: expected {name!r} to be the token table, received another"
                )
            self.used.add(name)
        if np.array_equal(self.arrays.get(TIED_BIAS), self.arrays.get(BIAS)):
            self.used.add(TIED_BIAS)

    def unused(self) -> list[str]:
        """Names of the weights that nobody asked for."""
        rest = sorted(self.arrays.keys() - self.used)
        return [name for name in rest if name.rpartition(".")[2] not in NOT_WEIGHTS]
