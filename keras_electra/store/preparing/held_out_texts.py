"""Text that must not be trained on: read from task files of any layout, as plain runs of words."""

import hashlib
import itertools
import json
import os
import pathlib
from collections.abc import Iterator

from keras_electra.corpus import Files, HeldOutNgrams, files_or_texts
from keras_electra.errors import InputError


def held_out_ngrams(given, num_words: int) -> HeldOutNgrams | None:
    """The runs of words in some files or texts; None for an empty list.

    Every line of a file is a text, whatever its columns; of JSON, every string.

    Args:
        given: a path, paths or texts, as `corpus.files_or_texts` has them; files are text, TSV, CSV,
            JSON or JSON Lines in UTF-8.
        num_words: words of a run.

    Raises:
        InputError: if a file cannot be read, or there is no long enough text in all of them.
    """
    if isinstance(given, list | tuple) and not given:
        return None
    given = files_or_texts(given, "held_out_texts")
    named = "the texts"
    if isinstance(given, Files):
        named, paths = ", ".join(map(os.fspath, given)), map(pathlib.Path, given)
        given = itertools.chain.from_iterable(map(texts_in, paths))
    found = HeldOutNgrams.from_texts(given, num_words)
    if not found.hashes:
        raise InputError(
            f"held-out text: expected texts of several words, received none in {named}"
        )
    return found


def texts_in(path: pathlib.Path) -> Iterator[str]:
    """The texts of one file."""
    try:
        content = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(
            f"held-out text: expected a readable file, received {path}: {error.strerror}"
        ) from error
    try:
        if path.suffix == ".json":
            yield from strings_in(json.loads(content))
        elif path.suffix in (".jsonl", ".ndjson"):
            for line in filter(str.strip, content.splitlines()):
                yield from strings_in(json.loads(line))
        else:
            yield from content.splitlines()
    except ValueError as error:
        raise InputError(f"held-out text: expected JSON in {path}: {error}") from error


def strings_in(value) -> Iterator[str]:
    """All strings in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings_in(item)


def digest_of(held_out: HeldOutNgrams | None) -> str | None:
    """SHA-256 (hexadecimal) over the runs of words."""
    if held_out is None:
        return None
    digest = hashlib.sha256()
    for length, hashes in sorted(held_out.hashes.items()):
        digest.update(str(length).encode())
        digest.update(hashes.tobytes())
    return digest.hexdigest()
