"""The states of an inspection that can be gone back to, and how each follows from the one before."""

import dataclasses

from keras_electra.traces import Scenario, Trace

MAX_STATES = 200


@dataclasses.dataclass
class ScenarioHistory:
    """A list of labelled scenarios and which of them is shown.

    Attributes:
        states: (label, scenario), oldest first.
        now: number of the one that is shown.
    """

    states: list[tuple[str, Scenario]]
    now: int = 0

    @property
    def scenario(self) -> Scenario:
        """The one that is shown."""
        return self.states[self.now][1]

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier state."""
        return self.now > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a later one."""
        return self.now + 1 < len(self.states)

    def go_on(self, label: str, scenario: Scenario, replaces: bool = False) -> None:
        """A new state follows; what was undone is forgotten.

        Args:
            label: what was done.
            scenario: the new state.
            replaces: whether it takes the place of the present one, as while a text is being typed.
        """
        if scenario == self.scenario:
            return
        kept = self.states[: self.now + (0 if replaces and self.now else 1)]
        self.states = [*kept, (label, scenario)][-MAX_STATES:]
        self.now = len(self.states) - 1

    def go(self, index: int) -> None:
        """Show the state of that number; one that is not there is nearest to."""
        self.now = min(max(index, 0), len(self.states) - 1)

    def labels(self) -> list[dict]:
        """`{"label", "is_now"}` of each state."""
        return [
            {"label": label, "is_now": index == self.now}
            for index, (label, _) in enumerate(self.states)
        ]


def places_of(trace: Trace, positions) -> list[tuple[int, int]]:
    """(word, piece) of some places of a trace."""
    return [
        (number, position - word.first)
        for position in map(int, positions)
        for number, word in enumerate(trace.words)
        if word.first <= position < word.last
    ]


def draws_of(trace: Trace) -> dict[tuple[int, int], str]:
    """Place → the token that was drawn there."""
    places = places_of(trace, trace.mask_positions)
    return dict(zip(places, trace.sampled_tokens, strict=True))


def kept_rows(draws: dict[tuple[int, int], str], places) -> tuple:
    """`Scenario.kept` of the draws at some places."""
    return tuple((*place, draws[place]) for place in sorted(draws) if place in places)


def masked_places(scenario: Scenario, trace: Trace | None) -> set[tuple[int, int]]:
    """The masked places of a scenario; of one that a strategy chooses, those of its trace.

    A scenario knows its own before the trace of it has come.
    """
    if scenario.masking == "places":
        return set(scenario.places)
    if scenario.masking == "none" or trace is None:
        return set()
    return set(draws_of(trace))


def drawn_tokens(scenario: Scenario, trace: Trace) -> dict[tuple[int, int], str]:
    """Place → the token that is shown there, what was put in by hand included."""
    kept = {(word, piece): token for word, piece, token in scenario.kept}
    return {**draws_of(trace), **kept}


def with_places(scenario: Scenario, places, draws, kept) -> Scenario:
    """A scenario with these places masked, and those of them in `kept` not drawn anew."""
    return scenario.replace(
        masking="places" if places else "none",
        places=tuple(places),
        kept=kept_rows(draws, places & set(kept)),
    )


def with_edit(scenario: Scenario, trace: Trace, word: int, text: str) -> Scenario:
    """A word rewritten, all else as it is shown; the typed word itself takes its edit back."""
    edits = dict(scenario.edits)
    edits.pop(word, None)
    if text.strip() != trace.words[word].text:
        edits[word] = text.strip()
    places = {place for place in masked_places(scenario, trace) if place[0] != word}
    edited = scenario.replace(edits=tuple(sorted(edits.items())))
    return with_places(edited, places, drawn_tokens(scenario, trace), places)


def with_masks(scenario: Scenario, trace: Trace, places, is_masked: bool, pins) -> Scenario:
    """Places masked, or shown again; all but the pinned ones are drawn anew."""
    chosen, before = {tuple(place) for place in places}, masked_places(scenario, trace)
    masked = before | chosen if is_masked else before - chosen
    return with_places(scenario, masked, drawn_tokens(scenario, trace), pins)


def with_token(scenario: Scenario, trace: Trace, place: tuple[int, int], token: str) -> Scenario:
    """A token put into a place, all else as it is shown."""
    draws = {**drawn_tokens(scenario, trace), tuple(place): token}
    places = masked_places(scenario, trace) | {tuple(place)}
    return with_places(scenario, places, draws, places)


def sampled_again(scenario: Scenario, trace: Trace | None, pins) -> Scenario:
    """Other tokens in the same places, but for the pinned ones."""
    draws = {} if trace is None else drawn_tokens(scenario, trace)
    return scenario.replace(draw=scenario.draw + 1, kept=kept_rows(draws, set(pins)))
