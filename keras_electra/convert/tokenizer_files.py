"""The tokenizer of a Hugging Face folder, when it is a WordPiece of BERT's kind."""

from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.convert.tensor_files import file_in, read_json_in
from keras_electra.errors import InputError
from keras_electra.tokenizer import WordPieceTokenizer

CONFIG_FILE, WHOLE_FILE, VOCABULARY_FILE = "tokenizer_config.json", "tokenizer.json", "vocab.txt"
GENERIC_CLASS = "PreTrainedTokenizerFast"
"""Is what `tokenizer.json` says it is."""

CLASSES = (
    "BertTokenizer",
    "BertTokenizerFast",
    "ElectraTokenizer",
    "ElectraTokenizerFast",
    GENERIC_CLASS,
)
CUT_PATTERN = ".{{{}}}"
"""What the pre-tokenizer of a vocabulary that cuts long words splits off."""

MAX_WORD_CHARACTERS = 100
"""What `transformers` takes where no file says otherwise; the original program takes 200."""


def read_tokenizer(folder) -> WordPieceTokenizer | None:
    """The tokenizer of the folder, or None if it has neither `vocab.txt` nor `tokenizer.json`.

    Case and accents are those of `tokenizer_config.json`, else of `tokenizer.json`.

    Raises:
        InputError: for a tokenizer that is no WordPiece as BERT and ELECTRA have it.
        DamagedDataError: for files that are no JSON.
    """
    options = read_json_in(folder, CONFIG_FILE) or {}
    whole = read_json_in(folder, WHOLE_FILE)
    vocabulary_path = file_in(folder, VOCABULARY_FILE)
    if vocabulary_path is None and whole is None:
        return None
    _check_class(folder, options, whole)
    config = _config(folder, options, whole or {})
    if vocabulary_path is not None:
        return WordPieceTokenizer.from_file(vocabulary_path, config)
    return WordPieceTokenizer(_vocabulary(folder, whole), config)


def _check_class(folder, options, whole):
    name = options.get("tokenizer_class", CLASSES[0])
    if name not in CLASSES:
        raise InputError(
            f"{folder}/{CONFIG_FILE}: expected tokenizer_class to be one of {', '.join(CLASSES)}, "
            f"received {name!r}; without the tokenizer's files the weights alone are read"
        )
    if name == GENERIC_CLASS and whole is None:
        raise InputError(
            f"{folder}: expected {WHOLE_FILE} for the tokenizer_class {name}, found none"
        )
    for option in ("do_basic_tokenize", "tokenize_chinese_chars"):
        if options.get(option, True) is not True:
            raise InputError(
                f"{folder}/{CONFIG_FILE}: expected {option} to be true, received {options[option]!r}"
            )


def _config(folder, options, whole) -> TokenizerConfig:
    """Case, accents and the longest word, from what the two files say."""
    normalizer = whole.get("normalizer") or {}
    if normalizer and normalizer.get("type") != "BertNormalizer":
        raise InputError(
            f"{folder}/{WHOLE_FILE}: expected a BertNormalizer, received {normalizer.get('type')!r}"
        )
    lowercase = options.get("do_lower_case", normalizer.get("lowercase", True))
    strip_accents = options.get("strip_accents", normalizer.get("strip_accents"))
    longest = (whole.get("model") or {}).get("max_input_chars_per_word", MAX_WORD_CHARACTERS)
    pattern = {"Regex": CUT_PATTERN.format(longest)}
    steps = (whole.get("pre_tokenizer") or {}).get("pretokenizers", ())
    return TokenizerConfig(
        lowercase=lowercase,
        strip_accents=strip_accents,
        max_word_characters=longest,
        cuts_long_words=any(step.get("pattern") == pattern for step in steps) or None,
    )


def _vocabulary(folder, whole) -> list[str]:
    """The tokens of `tokenizer.json`, in the order of their ids."""
    model = whole.get("model") or {}
    received = model.get("type"), model.get("continuing_subword_prefix", "##")
    if received != ("WordPiece", "##"):
        raise InputError(
            f"{folder}/{WHOLE_FILE}: expected a WordPiece model with the prefix '##', "
            f"received {received[0]!r} with {received[1]!r}"
        )
    ids = model.get("vocab") or {}
    if sorted(ids.values()) != list(range(len(ids))):
        raise InputError(f"{folder}/{WHOLE_FILE}: expected the ids 0 to {len(ids) - 1}, each once")
    return sorted(ids, key=ids.get)
