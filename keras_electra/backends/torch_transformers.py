"""Hugging Face's own classes, on PyTorch, run on a folder that was written for them."""

import contextlib
from logging import CRITICAL

import torch
import transformers
from transformers.utils import logging

AUTO_CLASSES = {
    "ElectraModel": transformers.AutoModel,
    "ElectraForPreTraining": transformers.AutoModelForPreTraining,
    "ElectraForMaskedLM": transformers.AutoModelForMaskedLM,
    "ElectraForSequenceClassification": transformers.AutoModelForSequenceClassification,
    "ElectraForTokenClassification": transformers.AutoModelForTokenClassification,
    "ElectraForQuestionAnswering": transformers.AutoModelForQuestionAnswering,
    "ElectraForMultipleChoice": transformers.AutoModelForMultipleChoice,
}


def outputs_of(folder, name: str, inputs: dict) -> tuple[dict, list[str]]:
    """What the class `name` says of some inputs, with the weights of a folder.

    Args:
        inputs: arrays (B, T) `token_ids`, `segment_ids`, `padding_mask`.

    Returns:
        Name of each output -> float32 array; and the keys that were missing, unexpected or of another
        shape when the folder was opened, each with the word for it.
    """
    with _quiet():
        model, found = AUTO_CLASSES[name].from_pretrained(
            str(folder), output_loading_info=True, local_files_only=True, dtype=torch.float32
        )
    wrong = [
        f"{kind} {key}"
        for kind in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs")
        for key in found.get(kind, ())
    ]
    if type(model).__name__ != name:
        wrong.append(f"class {type(model).__name__}")
    tensors = {key: torch.as_tensor(value.astype("int64")) for key, value in inputs.items()}
    if name == "ElectraForMultipleChoice":
        tensors = {key: value[:, None] for key, value in tensors.items()}
    with torch.no_grad():
        outputs = model.eval()(
            input_ids=tensors["token_ids"],
            token_type_ids=tensors["segment_ids"],
            attention_mask=tensors["padding_mask"],
        )
    return {key: value.float().numpy() for key, value in outputs.items()}, wrong


def token_ids_of(folder, texts: list[str]) -> list[list[int]]:
    """Token ids of texts, special tokens included, by the tokenizer of a folder."""
    with _quiet():
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        return [tokenizer(text)["input_ids"] for text in texts]


@contextlib.contextmanager
def _quiet():
    """No bars and no advice while a folder is opened; the caller's own settings come back."""
    verbosity, has_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if has_bars:
            logging.enable_progress_bar()
