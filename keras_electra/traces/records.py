"""The records of inspection; each goes to JSON by `to_dict` and comes back by `from_dict`.

Shapes: T places of the text, [CLS] and [SEP] counted; M masked places.
"""

import dataclasses
import typing

import numpy as np


@dataclasses.dataclass(frozen=True)
class Word:
    """A word of the text and the places of its pieces.

    Attributes:
        text: as it was typed.
        start, end: where it stands, in characters of the text.
        first, last: its pieces are the places `first` to `last - 1`.
        edited: what was written in its place; None where it was left alone.
    """

    text: str
    start: int
    end: int
    first: int
    last: int
    edited: str | None = None


@dataclasses.dataclass(frozen=True)
class Trace:
    """What happened to one text.

    Attributes:
        text: the part of the given text that fitted into one window.
        tokens: T tokens; where a word was edited, those of what was written in its place.
        masked_tokens: T tokens, as the generator was shown them.
        mask_positions: (M,) int, the places it had to fill.
        sampled_tokens: M tokens it drew there.
        alternatives: per masked place the likeliest tokens and their probabilities, best first, of
            the distribution that was drawn from; empty lists with a uniform generator.
        corrupted_tokens: T tokens, as the discriminator was shown them.
        is_replaced: (T,) bool, where that is not the original; for Electric, where a place was
            drawn.
        probabilities: (T,) float32, P(replaced); None if the objective has no detector.
        corrupted_ids: (T,) int, the ids of `corrupted_tokens`.
        words: of the whole text; those that did not fit have no pieces.
        is_edited: (T,) bool, the pieces of edited words.
        original_ranks: per masked place, how many tokens the generator found likelier than the
            original, plus 1; None with a uniform generator.
        left_out: the rest of the given text.
        num_left_out: tokens in it.
    """

    text: str
    tokens: list[str]
    masked_tokens: list[str]
    mask_positions: np.ndarray
    sampled_tokens: list[str]
    alternatives: list[list[tuple[str, float]]]
    corrupted_tokens: list[str]
    is_replaced: np.ndarray
    probabilities: np.ndarray | None
    corrupted_ids: np.ndarray
    words: list[Word]
    is_edited: np.ndarray
    original_ranks: list[int | None]
    left_out: str = ""
    num_left_out: int = 0

    def to_dict(self) -> dict:
        """The trace in the types of JSON."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: dict) -> typing.Self:
        """The inverse of `to_dict`."""
        arrays = {"mask_positions": int, "is_replaced": bool, "corrupted_ids": int}
        arrays |= {"is_edited": bool}
        found = {name: np.array(values[name], kind) for name, kind in arrays.items()}
        if values["probabilities"] is not None:
            found["probabilities"] = np.array(values["probabilities"], np.float32)
        words = [Word(**word) for word in values["words"]]
        alternatives = [[tuple(pair) for pair in pairs] for pairs in values["alternatives"]]
        return cls(**{**values, **found, "words": words, "alternatives": alternatives})


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A token that could stand in a place.

    Attributes:
        token: the token.
        probability: that the generator draws it there, at the temperature in use.
        rank: how many tokens are likelier, plus 1.
        replaced: P(replaced) that the discriminator gives it there; None without a detector.
        is_original: whether it is the token of the text.
        is_shown: whether it stands there now.
    """

    token: str
    probability: float | None
    rank: int | None
    replaced: float | None
    is_original: bool
    is_shown: bool


@dataclasses.dataclass(frozen=True)
class Candidates:
    """What could stand in one place, the generator's likeliest first.

    Attributes:
        position: the place among the tokens of the text.
        place: (word, piece): the same place, as a `Scenario` counts.
        original: the token of the text.
        rows: the candidates; after the likeliest come the original and the token shown, if they are
            not among them.
    """

    position: int
    place: tuple[int, int]
    original: str
    rows: list[Candidate]

    @property
    def best_replacement(self) -> Candidate | None:
        """The row, other than the original, that the discriminator takes for original most."""
        judged = [row for row in self.rows if row.replaced is not None and not row.is_original]
        return min(judged, key=lambda row: row.replaced, default=None)

    def to_dict(self) -> dict:
        """The table in the types of JSON; `best` is the number of `best_replacement`'s row."""
        best = self.best_replacement
        number = None if best is None else self.rows.index(best)
        return {**dataclasses.asdict(self), "place": list(self.place), "best": number}


@dataclasses.dataclass(frozen=True)
class SensitivePlace:
    """What if this place alone were replaced by the generator's best wrong guess.

    Attributes:
        position: the place among the tokens of the text.
        guess: the likeliest token that is not the original.
        guess_probability: that the generator draws it, the place alone being masked.
        replaced: P(replaced) at the place, with the guess in it.
    """

    position: int
    guess: str
    guess_probability: float
    replaced: float

    def to_dict(self) -> dict:
        """The record in the types of JSON."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class ScoredWord:
    """A word of a file that may have been replaced.

    Attributes:
        line: its line in the file, from 1.
        text: the whole line.
        start, end: where the word stands, in characters of the line.
        replaced: the largest P(replaced) of its pieces.
    """

    line: int
    text: str
    start: int
    end: int
    replaced: float

    @property
    def word(self) -> str:
        """The word as it was written."""
        return self.text[self.start : self.end]

    def to_dict(self) -> dict:
        """The record in the types of JSON."""
        return {**dataclasses.asdict(self), "word": self.word}
