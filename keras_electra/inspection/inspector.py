"""`Inspector`: what a model makes of a text that you mask, fill and edit.

Shapes: T places, V vocabulary entries.
"""

import collections
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from keras_electra.corpus import texts_of
from keras_electra.errors import InputError
from keras_electra.inspection.drawing import Draws, entropies, likeliest, ranks, shares
from keras_electra.inspection.filling import filled
from keras_electra.inspection.masks import draws_of, masked
from keras_electra.passes import NUM_ROWS, Networks
from keras_electra.traces import Candidate, Candidates, Scenario, SensitivePlace, Sentence, Trace

NUM_REMEMBERED = 8
"""Sentences whose places were looked at one by one, whose results are kept."""


class Alone(NamedTuple):
    """What the generator proposes for each place if it alone is masked; (T,) each.

    Attributes:
        unsureness: entropy in nats.
        guesses: ids of the likeliest ordinary tokens that are not the original.
        guess_probabilities: of the guesses.
    """

    unsureness: np.ndarray
    guesses: np.ndarray
    guess_probabilities: np.ndarray


class Inspector:
    """A model with its tokenizer, asked about one text at a time.

    Called with texts it returns their traces, so that it serves as a function `texts → traces` too.
    The networks run with dropout off, at few lengths and batch sizes: after the first answers nothing
    is compiled any more.

    Args:
        model: an `ElectraPretrainer` from `load` or `pretrain`; or a `ReplacedTokenDetector` or
            `MaskedLanguageModel` with its attribute `tokenizer` set, as `convert` gives them.
        num_alternatives: the generator's proposals listed per masked place.

    Raises:
        InputError: for another model, or one without a tokenizer.
    """

    def __init__(self, model, num_alternatives: int = 10):
        self.model = model
        self.networks = Networks.of(model)
        self.num_alternatives = num_alternatives
        self._alone = collections.OrderedDict()

    def __call__(self, texts, **options) -> list[Trace]:
        """The trace of each text, given as for `detect`; the options are those of `Scenario`."""
        return [self.trace(text, **options) for text in texts_of(texts)]

    def forget(self) -> None:
        """Drop what was remembered; to be called when the model's weights changed."""
        self._alone.clear()

    def handlers(self) -> dict:
        """Its answers by the kind of request, for a `LocalWorker`."""
        from keras_electra.inspection.answering import handlers_of

        return handlers_of(lambda: self)

    def trace(self, text: str | Scenario, **options) -> Trace:
        """Mask, fill and judge a text, some words of it edited.

        Without a generator nothing is masked, unless `kept` says what to put there.

        Args:
            text: the text, or a whole `Scenario`.
            **options: fields of `Scenario` by name, such as `seed=7`, `masking="places"`,
                `places=[(2, 0)]` or `edits={2: "drank"}`.
        """
        scenario = scenario_of(text, options, self.networks)
        sentence = self.sentence(scenario)
        return filled(
            self.networks, sentence, *self._masked(sentence, scenario), self.num_alternatives
        )

    def sentence(self, scenario: Scenario) -> Sentence:
        """The scenario's text as words and pieces, its edits in place."""
        networks = self.networks
        return Sentence.of(
            scenario.text, networks.tokenizer, networks.longest, dict(scenario.edits)
        )

    def candidates(
        self, text: str | Scenario, place: tuple[int, int], count: int = 10, **options
    ) -> Candidates:
        """What the generator would put in a place, and what the discriminator would say of each.

        All else is as the trace of the same scenario shows it. The place itself is masked.

        Args:
            text: the text, or a whole `Scenario`.
            place: (word, piece).
            count: the generator's likeliest tokens.
            **options: as for `trace`.

        Raises:
            InputError: if there is no such place, or no generator.
        """
        scenario = scenario_of(text, options, self.networks)
        self._require_generator("candidates")
        sentence = self.sentence(scenario)
        position = sentence.position_of(*place)
        if position is None:
            raise InputError(f"place: expected a word and a piece of the text, received {place!r}")
        trace = self.trace(scenario)
        hidden, draws = self._masked(sentence, scenario)
        ids, positions = hidden.ids.copy(), [position]
        ids[position] = self.networks.tokenizer.mask_id
        logits = self.networks.proposals(ids[None], sentence.ids[None], [positions])[0]
        masses = shares(logits, sentence.ids[positions], draws)
        return self._judged_candidates(sentence, trace, position, masses[0], place, count)

    def _judged_candidates(self, sentence, trace, position, masses, place, count):
        shown = trace.corrupted_ids
        original = sentence.original_id(position)
        chosen = list(likeliest(masses[None], count)[0])
        # A distribution cut to its k likeliest tokens has nothing else to offer.
        chosen = [index for index in chosen if masses[index] > 0]
        for index in (original, int(shown[position])):
            if index is not None and index not in chosen:
                chosen.append(index)
        judged = self.networks.probabilities(_with_one_each(shown, position, np.array(chosen)))
        places = ranks(np.repeat(masses[None], len(chosen), axis=0), np.array(chosen))
        return Candidates(
            position=position,
            place=tuple(place),
            original=trace.tokens[position]
            if original is None
            else self.networks.token_names[original],
            rows=[
                Candidate(
                    token=self.networks.token_names[index],
                    probability=float(masses[index]),
                    rank=rank,
                    replaced=None if judged is None else float(judged[row, position]),
                    is_original=bool(index == original),
                    is_shown=bool(index == shown[position]),
                )
                for row, (index, rank) in enumerate(zip(chosen, places, strict=True))
            ],
        )

    def sensitivity(
        self, text: str | Scenario, **options
    ) -> Iterator[tuple[int, int, list[SensitivePlace]]]:
        """For every place: what if the generator's best wrong guess stood there, and nothing else?

        The text is taken with its edits and without draws.

        Yields:
            (done, total, the places judged in this part); passes over the generator come first, with
            an empty list. `total` counts both.

        Raises:
            InputError: if generator or detector is missing.
        """
        scenario = scenario_of(text, options, self.networks)
        self._require_generator("sensitivity")
        if self.networks.judge is None:
            raise InputError(
                f"sensitivity: expected a discriminator, but {self.networks.no_detector}"
            )
        sentence = self.sentence(scenario)
        total = 2 * (len(sentence.ids) - 2)
        for done in self.look_alone(sentence):
            yield done, total, []
        alone = self._alone[sentence.ids.tobytes()]
        for places in _parts(sentence.ids):
            rows = _with_one_each(sentence.ids, places, alone.guesses[places])
            judged = self.networks.probabilities(rows)[np.arange(len(places)), places]
            found = [
                SensitivePlace(
                    int(place),
                    self.networks.token_names[alone.guesses[place]],
                    float(alone.guess_probabilities[place]),
                    float(probability),
                )
                for place, probability in zip(places, judged, strict=True)
            ]
            yield total // 2 + int(places[-1]), total, found

    def look_alone(self, sentence: Sentence) -> Iterator[int]:
        """Have the generator propose for each place alone; yields the number of places done.

        What it finds is remembered, so that a second call for the same sentence does nothing.
        """
        key = sentence.ids.tobytes()
        if key in self._alone:
            self._alone.move_to_end(key)
            return
        found = Alone(*(np.zeros(len(sentence.ids), kind) for kind in ("f8", "i8", "f8")))
        for places in _parts(sentence.ids):
            parts = self._proposals_alone(sentence.ids, places)
            for values, part in zip(found, parts, strict=True):
                values[places] = part
            yield int(places[-1])
        self._alone[key] = found
        while len(self._alone) > NUM_REMEMBERED:
            self._alone.popitem(last=False)

    def _proposals_alone(self, ids, places):
        """What `Alone` holds, for some places."""
        tokenizer, slots = self.networks.tokenizer, np.arange(len(places))
        hidden = _with_one_each(ids, places, tokenizer.mask_id)
        rows = np.repeat(ids[None], len(places), axis=0)
        logits = self.networks.proposals(hidden, rows, places[:, None])[:, 0]
        masses = shares(logits, ids[places], Draws(np.zeros(len(places))))
        unsureness = entropies(masses)
        masses[slots, ids[places]] = -1.0
        masses[:, list(tokenizer.special_ids)] = -1.0
        guesses = masses.argmax(axis=-1)
        return Alone(unsureness, guesses, masses[slots, guesses])

    def _masked(self, sentence, scenario):
        """The `Masked` of a scenario, and its `Draws`."""

        def unsureness():
            for _ in self.look_alone(sentence):
                pass
            return self._alone[sentence.ids.tobytes()].unsureness

        if scenario.masking == "hardest":
            self._require_generator("masking='hardest'")
        hidden = masked(self.networks, sentence, scenario, unsureness)
        return hidden, draws_of(self.networks, scenario, hidden.positions)

    def _require_generator(self, what):
        if self.networks.generator is None:
            raise InputError(f"{what}: expected a generator, but {self.networks.no_generator}")


def _parts(ids: np.ndarray) -> Iterator[np.ndarray]:
    """The places of the tokens between [CLS] and [SEP], as many at a time as one pass takes."""
    for first in range(1, len(ids) - 1, NUM_ROWS):
        yield np.arange(first, min(first + NUM_ROWS, len(ids) - 1))


def _with_one_each(
    ids: np.ndarray, places: int | np.ndarray, tokens: int | np.ndarray
) -> np.ndarray:
    """(N, T) copies of `ids` (T,), each with another token in its place."""
    num_rows = np.broadcast(places, tokens).size
    rows = np.repeat(ids[None], num_rows, axis=0)
    rows[np.arange(num_rows), places] = tokens
    return rows


def scenario_of(text: str | Scenario, options: dict, networks: Networks) -> Scenario:
    """The scenario that was given, or the one of a text with options; at the model's temperature
    unless another is named."""
    if isinstance(text, Scenario):
        return text.replace(**options) if options else text
    return Scenario.from_dict({"temperature": networks.temperature, "text": text, **options})
