"""The options of a vocabulary, in a file beside it: `vocab.txt` and `vocab.txt.options.json`."""

import json
import os
import pathlib

from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import InputError

ENDING = ".options.json"
VOCABULARY_FILE = "vocab.txt"
OWNERS = ("config.json", "manifest.json")
"""What a run, a preset or a store says of the `vocab.txt` in it, under "tokenizer"."""


def options_path(vocabulary: str | os.PathLike) -> pathlib.Path:
    """Where the options of a vocabulary are."""
    path = pathlib.Path(vocabulary)
    return path.with_name(path.name + ENDING)


def options_beside(vocabulary: str | os.PathLike) -> TokenizerConfig | None:
    """The options that a vocabulary was made with; None where nothing beside it says.

    Raises:
        InputError: if what is beside it holds no such options.
    """
    path = pathlib.Path(vocabulary)
    if options_path(path).is_file():
        return read_options(options_path(path), whole=True)
    if path.name != VOCABULARY_FILE:
        return None
    found = (read_options(path.with_name(name)) for name in OWNERS)
    return next((options for options in found if options is not None), None)


def read_options(path: pathlib.Path, whole: bool = False) -> TokenizerConfig | None:
    """The options in a file: all of it, or what it has under "tokenizer"; None without such.

    Raises:
        InputError: if a file of options holds anything else.
    """
    try:
        content = json.loads(path.read_bytes())
        options = content if whole else content.get("tokenizer")
        return TokenizerConfig.from_dict(options) if isinstance(options, dict) or whole else None
    except (OSError, ValueError, TypeError, AttributeError, InputError) as error:
        if not whole:
            # Another program's file of that name.
            return None
        raise InputError(
            f"{path}: expected the options of a vocabulary as JSON, received {error}; give them as "
            "flags and remove the file, or train the vocabulary again"
        ) from error


def options_content(config: TokenizerConfig) -> bytes:
    """The file's bytes."""
    return (json.dumps(config.to_dict(), indent=1) + "\n").encode()
