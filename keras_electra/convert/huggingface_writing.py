"""Models as folders that Hugging Face `transformers` opens, by itself and with nothing missing."""

import importlib.util
import pathlib

import numpy as np
import safetensors.numpy

from keras_electra.backbone import ElectraBackbone
from keras_electra.config.huggingface import FIXED, RATES, SIZES
from keras_electra.convert.checking import (
    TOLERANCE,
    Conversion,
    backbone_of,
    largest_difference,
    name_of,
    refuse_difference,
    sample_inputs,
    sample_outputs,
    tokenizer_of,
)
from keras_electra.convert.google_parts import head_parts, refuse_other_architecture
from keras_electra.convert.huggingface import CONFIG_FILE, from_huggingface
from keras_electra.convert.huggingface_heads import head_of
from keras_electra.convert.huggingface_tensors import huggingface_name
from keras_electra.convert.model_card import model_card
from keras_electra.convert.original_names import arrays_of_parts, backbone_parts, plain_copy
from keras_electra.convert.tokenizer_writing import check_token_ids, own_token_ids, write_tokenizer
from keras_electra.convert.vocabulary_rows import fitted
from keras_electra.errors import ConversionError, InputError
from keras_electra.files import new_folder, read_json, write_bytes, write_json
from keras_electra.networks import MaskedLanguageModel, ReplacedTokenDetector
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.task_models import SeveralTasks, TaskModel
from keras_electra.tasks.kinds import kind_of

WEIGHTS_FILE, CARD_FILE = "model.safetensors", "README.md"
CLASSES = {
    "backbone": "ElectraModel",
    "discriminator": "ElectraForPreTraining",
    "generator": "ElectraForMaskedLM",
}


def to_huggingface(model, folder, *, run=None) -> Conversion:
    """Write a folder that `AutoModel….from_pretrained` of `transformers` opens.

    It holds `config.json`, `model.safetensors`, the tokenizer's files if the model has a tokenizer,
    and a model card. Of a pretrainer there is a folder for each network, `discriminator` and
    `generator`; of `SeveralTasks` one for each task. The outcome is opened again, by `transformers`
    where it and PyTorch are installed, else by this package's own reader, and a sample runs through
    both sides.

    Args:
        model: an `ElectraPretrainer`, a network, a backbone, a task model or `SeveralTasks`, of the
            published architecture. Low-rank updates are merged on the way.
        folder: a new or empty folder.
        run: path of the run that trained the model, for the model card.

    Raises:
        InputError: for what `transformers` has no class for, naming the formats that can carry it; or
            a folder that holds something.
        ConversionError: if the outputs differ by more than 1e-5; nothing is left then.
    """
    pieces, sentences = _pieces(model)
    largest, checked_with = 0.0, ""
    with new_folder(folder, "empty") as temporary:
        for name, piece in pieces.items():
            place = temporary / name
            place.mkdir(exist_ok=True)
            sentences += _write(piece, place, model, run)
            difference, checked_with = _check(piece, place)
            refuse_difference(difference, TOLERANCE, pathlib.Path(folder) / name)
            largest = max(largest, difference)
    return Conversion(
        path=pathlib.Path(folder),
        format="huggingface",
        largest_difference=largest,
        checked_with=checked_with,
        sentences=tuple(dict.fromkeys(sentences)),
    )


def _pieces(model) -> tuple[dict, list[str]]:
    """({folder below, "" for none: what goes there}, what is left out)."""
    if isinstance(model, SeveralTasks):
        return dict(model.models), []
    if not isinstance(model, ElectraPretrainer):
        return {"": model}, []
    networks = {"discriminator": model.discriminator, "generator": model.generator}
    kinds = (model.objective.generator_kind, model.objective.kind)
    if kinds[0].not_in_huggingface:
        del networks["generator"]
    sentences = [kind.not_in_huggingface for kind in kinds if kind.not_in_huggingface]
    return {name: one for name, one in networks.items() if one is not None}, sentences


def _write(piece, folder, model, run) -> list[str]:
    """Write all files of one model; returns what there is to say about them."""
    name, arrays, config = _contents(piece)
    tokenizer = tokenizer_of(piece, model)
    encoder = backbone_of(piece).encoder
    if tokenizer is not None:
        fitted(tokenizer, encoder.vocabulary_size, "model")
        config["pad_token_id"] = tokenizer.pad_id
    content = safetensors.numpy.save(arrays, metadata={"format": "pt"})
    write_bytes(folder / WEIGHTS_FILE, content)
    write_json(folder / CONFIG_FILE, config)
    card = model_card(piece, name, run=run, has_tokenizer=tokenizer is not None)
    write_bytes(folder / CARD_FILE, card.encode())
    if tokenizer is None:
        return ["the model has no tokenizer, so none is written"]
    longest, num_segments = encoder.max_sequence_length, encoder.num_segments
    sentences = write_tokenizer(tokenizer, folder, longest, num_segments)
    check_token_ids(tokenizer, own_token_ids(folder), folder.name)
    return sentences


def _contents(piece) -> tuple[str, dict[str, np.ndarray], dict]:
    """(class there, tensors by its names, content of `config.json`)."""
    backbone = plain_copy(backbone_of(piece))
    refuse_other_architecture(backbone.encoder, "transformers")
    if backbone.direction != "both":
        raise InputError(
            "model: expected an encoder that sees both sides, for transformers has no other, "
            f"received direction={backbone.direction!r}"
        )
    if isinstance(piece, TaskModel):
        name, head, entries = head_of(piece)
    elif isinstance(piece, ReplacedTokenDetector | MaskedLanguageModel | ElectraBackbone):
        name, head, entries = CLASSES[name_of(piece)], arrays_of_parts(head_parts(piece)), {}
    else:
        raise InputError(
            f"model: expected a model that transformers has a class for, "
            f"received {type(piece).__name__}"
        )
    prefix = "" if name == "ElectraModel" else "electra."
    encoder = arrays_of_parts(backbone_parts(backbone, ""))
    arrays = {f"{prefix}{huggingface_name(key)}": _theirs(key, v) for key, v in encoder.items()}
    arrays |= {huggingface_name(key): _theirs(key, value) for key, value in head.items()}
    return name, arrays, {**_config(backbone.encoder, name), **entries}


def _theirs(name, value):
    """An array as it is there: kernels are (outputs, inputs)."""
    return np.ascontiguousarray(value.T) if name.endswith("kernel") else value


def _config(encoder, name) -> dict:
    return {
        "architectures": [name],
        "model_type": "electra",
        **{theirs: getattr(encoder, ours) for ours, theirs in SIZES.items()},
        **{theirs: getattr(encoder, ours) for ours, (theirs, _) in RATES.items()},
        **{
            name: FIXED[name]
            for name in ("hidden_act", "layer_norm_eps", "position_embedding_type")
        },
        "summary_type": "first",
        "summary_use_proj": True,
        "summary_activation": "gelu",
        "summary_last_dropout": encoder.dropout_rate,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
    }


def _check(piece, folder) -> tuple[float, str]:
    """(largest difference of a sample's outputs, who opened the folder)."""
    inputs = sample_inputs(backbone_of(piece).encoder)
    ours = sample_outputs(piece, inputs)
    again = from_huggingface(folder)
    difference = largest_difference(ours, sample_outputs(again[name_of(piece)], inputs))
    if again["left_out"]:
        raise ConversionError(
            f"{folder.name}: expected nothing left over, found {again['left_out']}"
        )
    if not has_transformers():
        return difference, "this package's own reader (transformers and PyTorch are not installed)"
    # Named here, for it loads PyTorch.
    from keras_electra.backends import torch_transformers

    (name,) = read_json(folder / CONFIG_FILE)["architectures"]
    found, wrong = torch_transformers.outputs_of(folder, name, inputs)
    if wrong:
        raise ConversionError(
            f"{folder.name}: expected transformers to find every key and no other, "
            f"received {', '.join(wrong[:3])}"
        )
    theirs = _by_our_names(piece, ours, found, inputs["padding_mask"])
    difference = max(difference, largest_difference(ours, theirs))
    tokenizer = again["tokenizer"]
    if tokenizer is not None:
        ids_of = lambda texts: torch_transformers.token_ids_of(folder, texts)  # noqa: E731
        check_token_ids(tokenizer, ids_of, folder.name)
    return difference, "transformers"


def has_transformers() -> bool:
    """Whether `transformers` and what it computes with are installed."""
    return all(importlib.util.find_spec(name) for name in ("transformers", "torch"))


def _by_our_names(piece, ours, found, mask):
    """Outputs of `transformers` by the names of `sample_outputs`."""
    is_task = isinstance(piece, TaskModel)
    only = "last_hidden_state" if isinstance(piece, ElectraBackbone) else "logits"
    theirs = {name: found.get(name, found.get(only)) for name in ours}
    if not is_task or kind_of(piece.kind).positions_in:
        return {name: value[mask] for name, value in theirs.items()}
    has_number = kind_of(piece.kind).has_value_range
    return {name: value[:, 0] if has_number else value for name, value in theirs.items()}
