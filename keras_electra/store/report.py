"""`report.json` and `report.html`: what is in a store, and how long it lasts for each model size."""

import json
import pathlib

import numpy as np

from keras_electra.config.sizes import SIZES
from keras_electra.files import refuse_link, write_bytes
from keras_electra.store.preparing.counting import Counts
from keras_electra.tokenizer import WordPieceTokenizer

JSON_FILE, HTML_FILE = "report.json", "report.html"
NUM_FREQUENT = 50
SMALL_SECONDS = 4 * 24 * 3600
ASSUMPTION = (
    "Hours are for one device as fast as that of the paper, which trained size small for 4 days on "
    "one V100 (47,000 tokens/s); the speed of other sizes follows from their operations per token."
)
GIVEN = "Hours are for {:,.0f} tokens/s."


def report_of(
    counts: Counts,
    token_counts: np.ndarray,
    num_train_tokens: int,
    tokenizer: WordPieceTokenizer,
    *,
    dropped: dict[str, int],
    examples: list[dict],
    mixture: list[dict],
    problems: dict,
    warnings: list[str],
    tokens_per_second: float | None,
) -> dict:
    """The report as JSON-ready values.

    Args:
        counts: of the documents, each once.
        token_counts: int64 (V,), of the whole store, repeated documents as often as they are.
        num_train_tokens: tokens that are not held out.
        tokenizer: made the ids.
        dropped: documents by the reason why they are not in the store.
        examples: duplicates with the documents that are kept.
        mixture: shares of the sources.
        problems: what readers passed over.
        warnings: sentences on vocabulary, options and text that do not fit.
        tokens_per_second: speed of training that is known; None assumes that of the paper's machine.
    """
    num_stored = int(token_counts.sum())
    frequent = np.argsort(-token_counts, kind="stable")[:NUM_FREQUENT]
    return {
        "warnings": warnings,
        "documents": counts.num_documents,
        "sentences": counts.num_sentences,
        "words": counts.num_words,
        "tokens": counts.num_tokens,
        "bytes": counts.num_bytes,
        "tokens_per_word": ratio(counts.num_tokens, counts.num_words),
        "bytes_per_token": ratio(counts.num_bytes, counts.num_tokens),
        "unknown_rate": ratio(int(token_counts[tokenizer.unknown_id]), num_stored),
        "stored_tokens": num_stored,
        "train_tokens": num_train_tokens,
        "held_out_tokens": num_stored - num_train_tokens,
        "document_lengths": histogram(counts.document_lengths),
        "sentence_lengths": histogram(counts.sentence_lengths),
        "most_frequent_tokens": [
            [tokenizer.vocabulary[index], int(token_counts[index])]
            for index in frequent
            if token_counts[index]
        ],
        "dropped_documents": dropped,
        "changed_lines": {
            "unicode_form": counts.cleaning.num_normalized_lines,
            "control_characters": counts.cleaning.num_control_lines,
        },
        "duplicates": examples,
        "mixture": mixture,
        "problems": problems,
        "sizes": [
            size_row(name, num_train_tokens, tokenizer.vocabulary_size, tokens_per_second)
            for name in SIZES
        ],
        "assumption": ASSUMPTION if tokens_per_second is None else GIVEN.format(tokens_per_second),
    }


def ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def histogram(counts: np.ndarray) -> list[dict]:
    """Bins of lengths in tokens: from, to, and how many.

    >>> histogram(np.array([0, 2, 0]))
    [{'from': 2, 'to': 3, 'count': 2}]
    """
    used = np.flatnonzero(counts)
    bins = range(used[0], used[-1] + 1) if len(used) else ()
    return [
        {"from": 2**bin, "to": 2 ** (bin + 1) - 1, "count": int(counts[bin])}
        for bin in map(int, bins)
    ]


def size_row(
    name: str, num_train_tokens: int, vocabulary_size: int, tokens_per_second: float | None
) -> dict:
    """How often a run of that size reads the store, and how long it takes."""
    size, small = SIZES[name], SIZES["small"]
    num_tokens = size["steps"] * size["batch_size"] * size["sequence_length"]
    if tokens_per_second is None:
        small_tokens = small["steps"] * small["batch_size"] * small["sequence_length"]
        work = token_operations(size, vocabulary_size) / token_operations(small, vocabulary_size)
        tokens_per_second = small_tokens / SMALL_SECONDS / work
    return {
        "size": name,
        "steps": size["steps"],
        "batch_size": size["batch_size"],
        "sequence_length": size["sequence_length"],
        "tokens": num_tokens,
        "epochs": ratio(num_tokens, num_train_tokens),
        "tokens_per_second": tokens_per_second,
        "hours": num_tokens / tokens_per_second / 3600,
    }


def token_operations(size: dict, vocabulary_size: int) -> float:
    """Multiplications for one token, forward, of discriminator and generator together.

    Matrix products, attention, and the logits of the masked tokens over the vocabulary are counted;
    the rest is small beside them.
    """

    def encoder(width: float, inner: float) -> float:
        attention = 4 * width**2 + 2 * size["sequence_length"] * width
        return size["num_layers"] * (attention + 2 * width * inner)

    share = size["generator_width_fraction"]
    width, inner = size["hidden_dim"], size["intermediate_dim"]
    logits = size["mask_rate"] * size["embedding_dim"] * vocabulary_size
    return encoder(width, inner) + encoder(share * width, share * inner) + logits


def write_report(folder: pathlib.Path, report: dict) -> None:
    """Write both files into a store."""
    from keras_electra.store.report_page import page

    content = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    for name, text in ((JSON_FILE, content), (HTML_FILE, page(report))):
        refuse_link(folder / name)
        write_bytes(folder / name, text.encode("utf-8", "replace"))
