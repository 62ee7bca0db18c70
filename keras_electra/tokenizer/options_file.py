"""The options of a vocabulary, in a file beside it: `vocab.txt` and `vocab.txt.options.json`."""

import hashlib
import json
import os
import pathlib
from collections.abc import Sequence

from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import InputError

ENDING = ".options.json"
VOCABULARY_FILE = "vocab.txt"
FINGERPRINT = "vocabulary_sha256"
"""Of the tokens that the options are for: whoever puts another vocabulary there is told."""

OWNERS = ("config.json", "manifest.json", "tokenizer.json")
"""What a run or preset, a store, or a `.keras` file says of the `vocab.txt` in it, under "tokenizer"."""


def options_path(vocabulary: str | os.PathLike) -> pathlib.Path:
    """Where the options of a vocabulary are."""
    path = pathlib.Path(vocabulary)
    return path.with_name(path.name + ENDING)


def options_beside(vocabulary: str | os.PathLike, tokens: Sequence[str]) -> TokenizerConfig | None:
    """The options that a vocabulary was made with; None where nothing beside it says.

    Args:
        vocabulary: the file.
        tokens: what it holds.

    Raises:
        InputError: if what is beside it holds no such options, or those of other tokens.
    """
    path = pathlib.Path(vocabulary)
    # A link that leads nowhere has lost options too.
    if os.path.lexists(options_path(path)):
        return own_options(options_path(path), tokens)
    owner = owner_of(path)
    return None if owner is None else owners_options(owner)


def owner_of(vocabulary: str | os.PathLike) -> pathlib.Path | None:
    """The file of the run, preset or store that a `vocab.txt` belongs to; None if it belongs to none."""
    path = pathlib.Path(vocabulary)
    names = OWNERS if path.name == VOCABULARY_FILE else ()
    return next((path.with_name(n) for n in names if owners_options(path.with_name(n))), None)


def own_options(path: pathlib.Path, tokens: Sequence[str]) -> TokenizerConfig:
    """The options in a file of options; those written by hand name no tokens."""
    ways = "give them as flags and remove the file, or train the vocabulary again"
    try:
        content = json.loads(path.read_bytes())
        made_for = content.pop(FINGERPRINT, None)
        options = TokenizerConfig.from_dict(content)
    except (OSError, ValueError, TypeError, AttributeError, InputError) as error:
        raise InputError(
            f"{path}: expected the options of a vocabulary as JSON, received {error}; {ways}"
        ) from error
    if made_for not in (None, fingerprint(tokens)):
        raise InputError(
            f"{path}: expected options of the vocabulary beside it, received those of another one, "
            f"which was there before; {ways}"
        )
    return options


def owners_options(path: pathlib.Path) -> TokenizerConfig | None:
    """The options that a file has under "tokenizer"; None if it is another program's."""
    try:
        options = json.loads(path.read_bytes()).get("tokenizer")
        return TokenizerConfig.from_dict(options) if isinstance(options, dict) else None
    except (OSError, ValueError, TypeError, AttributeError, InputError):
        return None


def fingerprint(tokens: Sequence[str]) -> str:
    """SHA-256 of a vocabulary, in hexadecimal."""
    return hashlib.sha256("\n".join(tokens).encode()).hexdigest()


def options_content(config: TokenizerConfig, tokens: Sequence[str]) -> bytes:
    """The file's bytes."""
    content = {**config.to_dict(), FINGERPRINT: fingerprint(tokens)}
    return (json.dumps(content, indent=1) + "\n").encode()
