"""The corpus of a plan: names of files, for it is read by commands in processes of their own."""

import json
import os
import pathlib

from keras_electra.corpus.given import Files, Texts, files_or_texts
from keras_electra.files import HashedFile, replace, temporary_folder
from keras_electra.launching.places import placed


def corpus_names(given, folder: pathlib.Path) -> Files:
    """The absolute names of what a corpus consists of.

    Args:
        given: as for `files_or_texts`, or a source of another kind that `corpus.texts_of` takes.
        folder: gets a file with the texts, where texts were given.

    Raises:
        InputError: for what is neither files nor texts, or may be both.
    """
    if not isinstance(given, Files):
        from keras_electra.corpus.sources import is_source

        given = given if is_source(given) else files_or_texts(given, "corpus")
    if isinstance(given, Files):
        return Files(placed(os.getcwd(), os.fspath(name)) for name in given)
    return Files([os.fspath(written(given, folder))])


def written(given: Texts, folder: pathlib.Path) -> pathlib.Path:
    """A file with a record for each text; the same texts always have the same one."""
    from keras_electra.corpus import texts_of

    with temporary_folder(folder / "texts.jsonl") as temporary:
        file = HashedFile(temporary / "texts.jsonl")
        for text in texts_of(given, "corpus"):
            file.write(json.dumps({"text": text}).encode() + b"\n")
        _, digest = file.close()
        path = folder / f"texts-{digest[:8]}.jsonl"
        replace(file.path, path)
    return path
