"""Do the vocabulary, its options and the text fit? Reported once, early, and kept for the report."""

import pathlib
from collections.abc import Callable, Sequence

from keras_electra.store.preparing.parts import read_record
from keras_electra.store.preparing.watch import OnTally, Tally
from keras_electra.store.preparing.working_folder import WorkingFolder
from keras_electra.tokenizer import WordPieceTokenizer
from keras_electra.tokenizer.fitting import misfits

MAX_PARTS = 32


class FitCheck:
    """Looks at samples of the text that the parts carry.

    Args:
        tokenizer: makes the ids.
        working: holds the parts.
        tell: receives a sentence for each thing that does not fit.
    """

    def __init__(
        self, tokenizer: WordPieceTokenizer, working: WorkingFolder, tell: Callable[[str], None]
    ):
        self._tokenizer, self._working, self._tell = tokenizer, working, tell
        self._has_looked = self._has_told = False

    def watching(self, on_tally: OnTally) -> OnTally:
        """`on_tally`, and a look at the first part that is there: not after hours of work."""

        def add(tally: Tally) -> None:
            on_tally(tally)
            if not self._has_looked and (path := next(self._working.all_parts(), None)):
                self._look([path])

        return add

    def of_all(self, paths: Sequence[pathlib.Path]) -> list[str]:
        """What does not fit, by parts from everywhere in the corpus."""
        return self._look(paths[:: -(-len(paths) // MAX_PARTS) or 1])

    def _look(self, paths: Sequence[pathlib.Path]) -> list[str]:
        self._has_looked = True
        # Parts of an earlier version have none.
        lines = [line for path in paths for line in read_record(path).get("sample", ())]
        found = misfits(self._tokenizer, lines)
        for sentence in found if not self._has_told else ():
            self._tell(sentence)
            self._has_told = True
        return found
