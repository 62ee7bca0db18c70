"""A tokenizer as the files that `transformers` opens."""

import pathlib
from collections.abc import Callable, Iterable, Sequence

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from keras_electra.errors import ConversionError
from keras_electra.files import write_bytes, write_json
from keras_electra.tokenizer import WordPieceTokenizer
from keras_electra.tokenizer.training import without_fill
from keras_electra.tokenizer.vocabulary_files import (
    CONFIG_FILE,
    CUT_PATTERN,
    GENERIC_CLASS,
    VOCABULARY_FILE,
    WHOLE_FILE,
)

SAMPLE_TEXTS = (
    "The quick brown fox, aged 3.5, didn't jump over the lazy dog!",
    "Ça coûte 12 € à l'Étoile; naïve façade — très élégant.",
    "東京 is TOKYO, straße is STRASSE.",
    "unaffable\tantidisestablishmentarianism\n(so to say)",
    f"{'ab' * 75} and {'ba' * 150}",
    "हिन्दी में शब्द; วันนี้อากาศดีมาก; Việt Nam, tiếng; がぎぐ パーティー; אָלֶף; أُولَى; 한국어; İzmir, Müßiggang.",
    "สวัสดี" * 50,
)


def write_tokenizer(
    tokenizer: WordPieceTokenizer, folder, longest: int, num_segments: int = 2
) -> list[str]:
    """Write `vocab.txt`, `tokenizer.json` and `tokenizer_config.json`.

    Args:
        longest: the longest input of the model, in tokens.
        num_segments: rows of its segment table; for one row, segments are left out there.

    Returns:
        Sentences that say what these files cannot say.
    """
    # Rows of the table without a token have none there either.
    tokenizer = WordPieceTokenizer(without_fill(tokenizer.vocabulary), tokenizer.config)
    folder, config = pathlib.Path(folder), tokenizer.config
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    if num_segments == 1:
        # The models there take no segment 1 then, and 0 for what they are not given.
        inputs.remove("token_type_ids")
    tokenizer.save(folder / VOCABULARY_FILE, with_options=False)
    whole = whole_tokenizer(tokenizer).to_str(pretty=True)
    write_bytes(folder / WHOLE_FILE, whole.encode())
    write_json(
        folder / CONFIG_FILE,
        {
            # BertTokenizer makes its own limit of 100 characters a word out of any vocabulary.
            "tokenizer_class": GENERIC_CLASS,
            "do_lower_case": config.lowercase,
            "strip_accents": config.strip_accents,
            "tokenize_chinese_chars": True,
            "model_max_length": longest,
            # The class would leave the segments of a pair out otherwise.
            "model_input_names": inputs,
            "pad_token": "[PAD]",
            "unk_token": "[UNK]",
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
            "mask_token": "[MASK]",
        },
    )
    if config.lowercase and {"ς", "##ς"} & set(tokenizer.vocabulary):
        return ["a capital Σ that ends a word is lower-cased to ς here, and to σ in transformers"]
    return []


def whole_tokenizer(tokenizer: WordPieceTokenizer) -> tokenizers.Tokenizer:
    """The tokenizer as one object of the `tokenizers` library, text to ids with special tokens."""
    config = tokenizer.config
    whole = tokenizers.Tokenizer(
        models.WordPiece(
            {token: number for number, token in enumerate(tokenizer.vocabulary)},
            unk_token="[UNK]",
            max_input_chars_per_word=config.max_word_characters,
        )
    )
    whole.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=True,
        strip_accents=config.strip_accents,
        lowercase=config.lowercase,
    )
    whole.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if config.cuts_long_words:
        pattern = tokenizers.Regex(CUT_PATTERN.format(config.max_word_characters))
        whole.pre_tokenizer = pre_tokenizers.Sequence(
            [whole.pre_tokenizer, pre_tokenizers.Split(pattern, "isolated")]
        )
    whole.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", tokenizer.class_id), ("[SEP]", tokenizer.separator_id)],
    )
    whole.decoder = decoders.WordPiece(prefix="##")
    whole.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return whole


def check_token_ids(
    tokenizer: WordPieceTokenizer,
    token_ids_of: Callable[[Sequence[str]], Iterable[Sequence[int]]],
    where: str,
    texts: Sequence[str] | None = None,
) -> None:
    """Compare what both sides make of some texts.

    Args:
        token_ids_of: called with texts, returns the ids of each with special tokens.
        texts: None for `SAMPLE_TEXTS` and words of the vocabulary.

    Raises:
        ConversionError: if they differ.
    """
    words = [token for token in tokenizer.vocabulary if token.isalpha()]
    texts = texts or [*SAMPLE_TEXTS, " ".join(words[:200]), " ".join(words[-200:])]
    for text, received in zip(texts, token_ids_of(texts), strict=True):
        expected = [tokenizer.class_id, *tokenizer.encode(text), tokenizer.separator_id]
        if list(received) != expected:
            raise ConversionError(
                f"{where}: expected the token ids {expected[:8]}... of {text[:40]!r} on the other "
                f"side, received {list(received)[:8]}..."
            )


def own_token_ids(folder):
    """As `check_token_ids` takes it, by the `tokenizers` library on the folder's `tokenizer.json`."""
    whole = tokenizers.Tokenizer.from_str(
        (pathlib.Path(folder) / WHOLE_FILE).read_text(encoding="utf-8")
    )
    return lambda texts: [encoding.ids for encoding in whole.encode_batch(texts)]
