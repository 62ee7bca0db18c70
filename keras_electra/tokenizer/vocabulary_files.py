"""Vocabularies as people have them: `vocab.txt`, `tokenizer.json`, and folders with one of the two."""

import pathlib
import re

from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import InputError
from keras_electra.foreign_files import (
    file_in,
    hub_snapshot,
    read_json_in,
    read_object,
    refuse_pointer,
)
from keras_electra.tokenizer.options_file import VOCABULARY_FILE, options_beside
from keras_electra.tokenizer.training import filled_up_to

CONFIG_FILE, WHOLE_FILE = "tokenizer_config.json", "tokenizer.json"
ADDED_FILE = "added_tokens.json"
SENTENCEPIECE_FILES = ("spiece.model", "sentencepiece.bpe.model", "tokenizer.model")
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

MARGIN = " \t\r"
COUNTED = re.compile(r"\S+[ \t]+-?\d+(\.\d+)?")
COUNTED_FRACTION = 0.9
NEEDED = (
    "expected a WordPiece vocabulary: a vocab.txt with one token per line, a tokenizer.json or a folder "
    "with one of them. `keras-electra tokenizer train` makes one from text"
)


def read_vocabulary(path) -> tuple[list[str], TokenizerConfig | None]:
    """The tokens of a vocabulary by id, and the settings that come with it, or None without any.

    Args:
        path: `vocab.txt` (UTF-8, one token per line; blank lines at the end are dropped),
            `tokenizer.json`, or a folder with one of them: of Hugging Face, of the hub's cache, a run,
            a preset or a store. In a Hugging Face folder, added tokens take their ids.

    Raises:
        InputError: if it is something else, such as a SentencePiece model, a list of words with counts
            or a Git LFS pointer.
        DamagedDataError: for a JSON file that holds none.
    """
    try:
        path = pathlib.Path(path)
    except TypeError:
        raise InputError(
            f"vocabulary: expected the path of a file or folder, received {path!r:.60}"
        ) from None
    if path.is_dir():
        return of_folder(hub_snapshot(path))
    refuse_pointer(path)
    if path.suffix == ".json":
        whole = read_object(path)
        vocabulary = _with_added(path, _whole_vocabulary(path, whole), _added(path, {}, {}, whole))
        return vocabulary, _config(path, path, {}, whole)
    vocabulary = _lines(path)
    return vocabulary, options_beside(path, vocabulary) or _foreign_options(path)


def _foreign_options(path: pathlib.Path) -> TokenizerConfig | None:
    """What the Hugging Face files beside a `vocab.txt` say; None without any."""
    names = (CONFIG_FILE, WHOLE_FILE) if path.name == VOCABULARY_FILE else ()
    options, whole = (read_json_in(path.parent, name) for name in names) if names else (None, None)
    if options is None and whole is None:
        return None
    return _config(path.parent / CONFIG_FILE, path.parent / WHOLE_FILE, options or {}, whole or {})


def has_vocabulary(folder) -> bool:
    """Whether a folder holds `vocab.txt` or `tokenizer.json`."""
    return any(file_in(folder, name) for name in (VOCABULARY_FILE, WHOLE_FILE))


def of_folder(folder: pathlib.Path) -> tuple[list[str], TokenizerConfig]:
    """As `read_vocabulary`, of a folder; case and accents as `tokenizer_config.json` says, else
    `tokenizer.json`."""
    vocabulary_path = file_in(folder, VOCABULARY_FILE)
    options = read_json_in(folder, CONFIG_FILE) or {}
    whole = read_json_in(folder, WHOLE_FILE)
    if vocabulary_path is None and whole is None:
        found = [name for name in SENTENCEPIECE_FILES if (folder / name).exists()]
        what = f"{found[0]}, a SentencePiece model" if found else f"none{_below(folder)}"
        raise InputError(f"{folder}: {NEEDED}; received {what}")
    _check_class(folder, options, whole)
    lines = None if vocabulary_path is None else _lines(vocabulary_path)
    own = None if lines is None else options_beside(vocabulary_path, lines)
    # A `.keras` file has its own `tokenizer.json`, without tokens.
    whole = whole if own is None or "model" in (whole or ()) else None
    in_whole = None if whole is None else _whole_vocabulary(folder / WHOLE_FILE, whole)
    vocabulary = in_whole if lines is None else lines
    if in_whole not in (None, vocabulary):
        raise InputError(
            f"{folder}: expected the same tokens in {VOCABULARY_FILE} ({len(vocabulary)}) and "
            f"{WHOLE_FILE} ({len(in_whole)}), received others; remove the one that is not the model's"
        )
    config = own or _config(folder / CONFIG_FILE, folder / WHOLE_FILE, options, whole or {})
    added = _added(folder, read_json_in(folder, ADDED_FILE) or {}, options, whole or {})
    return _with_added(folder, vocabulary, added), config


def _below(folder: pathlib.Path) -> str:
    """Names the folders in `folder` that have a vocabulary."""
    found = [path.name for path in sorted(folder.iterdir()) if path.is_dir() and _has_any(path)]
    return f" itself, but in it {', '.join(found[:3])}" if found else ""


def _has_any(folder: pathlib.Path) -> bool:
    return any((folder / name).is_file() for name in (VOCABULARY_FILE, WHOLE_FILE))


def _lines(path) -> list[str]:
    """The tokens of a `vocab.txt`."""
    try:
        content = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise InputError(
            f"vocabulary {path}: expected a readable file, received {error.strerror}"
        ) from error
    # A SentencePiece model is a binary message whose first piece is a special token.
    if content[:1] == b"\n" and (b"<unk>" in content[:200] or b"<pad>" in content[:200]):
        raise InputError(f"{path} is a SentencePiece model; {NEEDED}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"vocabulary {path}: expected UTF-8, received byte "
            f"0x{error.object[error.start]:02x} at offset {error.start}"
        ) from error
    lines = [line.strip(MARGIN) for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    num_counted = sum(COUNTED.fullmatch(line) is not None for line in lines)
    if lines and num_counted >= COUNTED_FRACTION * len(lines):
        raise InputError(
            f"{path} is a list of words with numbers, such as {lines[len(lines) // 2]!r}; {NEEDED}"
        )
    return lines


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


def _config(options_path, whole_path, options, whole) -> TokenizerConfig:
    """Case, accents and the longest word, from what the two files say."""
    if whole:
        _check_steps(whole_path, whole)
    normalizer = whole.get("normalizer") or {}
    lowercase = options.get("do_lower_case", normalizer.get("lowercase", True))
    strip_accents = options.get("strip_accents", normalizer.get("strip_accents"))
    longest = (whole.get("model") or {}).get("max_input_chars_per_word", MAX_WORD_CHARACTERS)
    cut = {"Regex": CUT_PATTERN.format(longest)}
    try:
        return TokenizerConfig(
            lowercase=lowercase,
            strip_accents=strip_accents,
            max_word_characters=longest,
            cuts_long_words=any(step.get("pattern") == cut for step in _splits(whole)) or None,
        )
    except InputError as error:
        raise InputError(f"{options_path} or {whole_path.name}: {error}") from error


def _splits(whole: dict) -> list[dict]:
    """What cuts text into words in a `tokenizer.json`, one after the other."""
    splitter = whole.get("pre_tokenizer") or {}
    return splitter.get("pretokenizers") or [splitter]


def _check_steps(path, whole: dict) -> None:
    """Refuse a `tokenizer.json` that makes other words of a text than BERT's."""
    normalizer = whole.get("normalizer") or {}
    first, *others = _splits(whole)
    further = [one.get("type") for one in others if "pattern" not in one]
    for expected, right, found in (
        ("a BertNormalizer", "BertNormalizer", normalizer.get("type")),
        ("a BertPreTokenizer", "BertPreTokenizer", first.get("type")),
        ("no further pre_tokenizer", [], further),
        ("clean_text to be true", True, normalizer.get("clean_text", True)),
        ("handle_chinese_chars to be true", True, normalizer.get("handle_chinese_chars", True)),
    ):
        if found != right:
            raise InputError(
                f"{path}: expected {expected}, received {found!r}: its words are other ones than "
                "BERT's; a vocab.txt alone in a folder is read with BERT's"
            )


def _whole_vocabulary(path, whole) -> list[str]:
    """The tokens of `tokenizer.json`, in the order of their ids."""
    model = whole.get("model")
    if not isinstance(model, dict):
        raise InputError(f"{path}: {NEEDED}; received JSON without a model")
    received = model.get("type"), model.get("continuing_subword_prefix", "##")
    if received != ("WordPiece", "##"):
        raise InputError(
            f"{path}: expected a WordPiece model with the prefix '##', "
            f"received {received[0]!r} with {received[1]!r}"
        )
    ids = model.get("vocab") or {}
    if sorted(ids.values()) != list(range(len(ids))):
        raise InputError(f"{path}: expected the ids 0 to {len(ids) - 1}, each once")
    return sorted(ids, key=ids.get)


def added_tokens(folder) -> list[str]:
    """Tokens that were added to the vocabulary of a Hugging Face folder after it was made."""
    names = (ADDED_FILE, CONFIG_FILE, WHOLE_FILE)
    return [token for token, _ in _added(folder, *(read_json_in(folder, n) or {} for n in names))]


def _added(where, added: dict, options: dict, whole: dict) -> list[tuple[str, int]]:
    """Token and id of what was added after the vocabulary was made, from the three files for it."""
    found = list(added.items())
    try:
        for index, token in (options.get("added_tokens_decoder") or {}).items():
            found.append((token["content"], int(index)))
        found += [(token["content"], token["id"]) for token in whole.get("added_tokens") or []]
        if not all(isinstance(token, str) and type(index) is int for token, index in found):
            raise TypeError("a token is a string, its id a whole number")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{where}: expected added tokens with their ids ({error})") from error
    return sorted(set(found), key=lambda pair: pair[1])


def _with_added(where, vocabulary, added) -> list[str]:
    """The vocabulary with added tokens at their ids; what lies between is `[unused…]`."""
    ids = {token: index for index, token in enumerate(vocabulary)}
    for token, index in added:
        if ids.get(token) == index:
            continue
        most = len(vocabulary) + len(added) - 1
        if token in ids or not len(vocabulary) <= index <= most:
            raise InputError(
                f"{where}: expected the added token {token!r} at an id of its own from "
                f"{len(vocabulary)} to {most}, received {index}"
            )
        vocabulary = [*filled_up_to(vocabulary, index), token]
        ids[token] = index
    return vocabulary
