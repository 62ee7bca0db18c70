"""Text that must not be trained on: read from task files of any layout, as plain runs of words."""

import hashlib
import json
import pathlib
from collections.abc import Iterable, Iterator

from keras_electra.corpus import HeldOutNgrams
from keras_electra.errors import InputError


def held_out_ngrams(paths: Iterable[str], num_words: int) -> HeldOutNgrams | None:
    """The runs of words in some files; None if there is no file.

    Every line of a file is a text, whatever its columns; of JSON, every string.

    Args:
        paths: text, TSV, CSV, JSON or JSON Lines files in UTF-8.
        num_words: words of a run.

    Raises:
        InputError: if a file cannot be read, or there is no long enough text in all of them.
    """
    paths = list(paths)
    if not paths:
        return None
    texts = (text for path in paths for text in texts_in(pathlib.Path(path)))
    found = HeldOutNgrams.from_texts(texts, num_words)
    if not found.hashes:
        raise InputError(
            f"held-out text: expected texts of several words, received none in {paths}"
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
