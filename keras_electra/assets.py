"""What a `.keras` file holds beside weights: the vocabulary of the ids, so that the model reads text."""

import pathlib

from keras_electra.backends.typed import Trained
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.files import read_json, write_json
from keras_electra.tokenizer import WordPieceTokenizer

VOCABULARY_FILE, OPTIONS_FILE = "vocab.txt", "tokenizer.json"


class TokenizerAsset(Trained):
    """Mixin for a `keras.Model` with the attributes `tokenizer`, `sequence_length` and `columns`.

    `columns` are the options of `own_task` that name the columns of the table that a task model was
    trained on; None where it was no table, or is not known.

    Keras calls both methods when it saves a `.keras` file and when it opens one.
    """

    tokenizer = None
    sequence_length = None
    columns = None

    def save_assets(self, dir_path: str) -> None:
        """Write the vocabulary and the tokenizer's options, if there is a tokenizer."""
        if self.tokenizer is None:
            return
        folder = pathlib.Path(dir_path)
        self.tokenizer.save(folder / VOCABULARY_FILE, with_options=False)
        options = {
            "tokenizer": self.tokenizer.config.to_dict(),
            "sequence_length": self.sequence_length,
        }
        if self.columns:
            options["columns"] = self.columns
        write_json(folder / OPTIONS_FILE, options)

    def load_assets(self, dir_path: str) -> None:
        """Take the tokenizer of the file, if it has one."""
        folder = pathlib.Path(dir_path) if dir_path else None
        if folder is None or not (folder / OPTIONS_FILE).is_file():
            return
        options = read_json(folder / OPTIONS_FILE)
        config = TokenizerConfig.from_dict(options["tokenizer"])
        self.tokenizer = WordPieceTokenizer.from_file(folder / VOCABULARY_FILE, config)
        self.sequence_length = options["sequence_length"]
        self.columns = options.get("columns")
