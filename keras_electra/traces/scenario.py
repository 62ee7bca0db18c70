"""What to do with a text before it is judged: everything that an inspection depends on."""

import dataclasses
import math
from typing import Literal

from keras_electra.config.options import Options, option, required
from keras_electra.errors import InputError

MASKINGS = ("none", "random", "words", "hardest", "places")
"""How places are chosen: not at all, at random, whole words at random, where the generator is least
sure, or the ones given."""
MAX_TEXT = 100_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scenario(Options):
    """A text, what was changed in it by hand, and what the generator shall fill.

    The same scenario and the same weights give the same trace. Words are counted from 0 in the whole
    text, pieces from 0 in their word.

    Example:

    >>> scenario = ke.Scenario(text="the cat sat", edits={1: "dog"}, masking="places", places=[(2, 0)])
    >>> scenario.edits, scenario.places
    (((1, 'dog'),), ((2, 0),))
    """

    text: str = required("the text")
    edits: tuple = option((), "(word, what was written in its place) for each edited word")
    masking: Literal["none", "random", "words", "hardest", "places"] = option(
        "random", "how the places are chosen that the generator fills"
    )
    mask_rate: float = option(0.15, "fraction of the tokens to mask")
    places: tuple = option((), "(word, piece) of each masked place, for masking='places'")
    kept: tuple = option((), "(word, piece, token) of each masked place that is not drawn anew")
    seed: int = option(0, "decides places and draws")
    draw: int = option(0, "number of the draw: other tokens in the same places")
    temperature: float = option(1.0, "divides the generator's logits")
    top_k: int | None = option(None, "draw from the k likeliest tokens only")
    is_greedy: bool = option(False, "take the likeliest token in place of drawing")

    def __post_init__(self):
        edits = self.edits.items() if isinstance(self.edits, dict) else self.edits
        shapes = {"edits": (edits, (int, str)), "places": (self.places, (int, int))}
        shapes["kept"] = (self.kept, (int, int, str))
        for name, (values, kinds) in shapes.items():
            object.__setattr__(self, name, _rows(name, values, kinds))
        super().__post_init__()

    def check(self) -> None:
        self.require(0 < self.mask_rate < 1, "mask_rate", "a fraction in (0, 1)")
        is_warm = self.temperature > 0 and math.isfinite(self.temperature)
        self.require(is_warm, "temperature", "a number above 0")
        self.require(self.top_k is None or self.top_k > 0, "top_k", "at least 1")
        self.require(0 <= self.seed < 2**64, "seed", "a number in [0, 2**64)")
        self.require(0 <= self.draw < 2**32, "draw", "a number in [0, 2**32)")
        if len(self.text) > MAX_TEXT:
            raise InputError(
                f"text: expected at most {MAX_TEXT:,} characters, received {len(self.text):,}"
            )
        for word, written in self.edits:
            if not written.strip():
                raise InputError(f"edits: expected text in place of word {word}, received none")

    def to_dict(self) -> dict:
        """The scenario in the types of JSON."""
        values = super().to_dict()
        return {
            name: [list(row) for row in value] if isinstance(value, tuple) else value
            for name, value in values.items()
        }


def _rows(name, values, kinds):
    """Values as a tuple of tuples, sorted; `InputError` unless each has these types."""
    try:
        rows = tuple(tuple(row) for row in values)
    except TypeError:
        rows = (values,)
    words = {int: "number", str: "text"}
    for row in rows:
        fits = isinstance(row, tuple) and len(row) == len(kinds)
        fits = fits and all(type(one) is kind for one, kind in zip(row, kinds, strict=True))
        if not fits or any(one < 0 for one in row if type(one) is int):
            expected = ", ".join(words[kind] for kind in kinds)
            raise InputError(f"{name}: expected rows of ({expected}), received {row!r}")
    # Of several rows about one place the last counts.
    by_place = {row[: len(kinds) if name == "places" else len(kinds) - 1]: row for row in rows}
    return tuple(by_place[place] for place in sorted(by_place))
