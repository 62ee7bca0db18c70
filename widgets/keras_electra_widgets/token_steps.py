"""What the user does to a text in a `ReplacedTokenView`, one state after the other."""

import secrets

from keras_electra.errors import InputError
from keras_electra.files import append_row
from keras_electra.traces import Trace
from keras_electra_widgets import scenario_history as states


class TokenSteps:
    """The part of `ReplacedTokenView` that turns the browser's messages into scenarios.

    A handler `_on_KIND` takes each kind of message that `TokenGrid` lists.
    """

    def _do(self, message):
        kind = message.get("kind") if isinstance(message, dict) else None
        handler = getattr(self, f"_on_{kind}", None)
        if handler is None:
            raise InputError(f"message: expected one that the grid sends, received {message!r}")
        self.grid.heard = int(message["id"])
        handler(message)

    def _on_run(self, message):
        self._run(message["text"])

    def _run(self, text):
        scenario = self._scenario
        if text == scenario.text:
            self._request_trace()
            return
        self._pins, self._looked = [], None
        with self.grid.hold_sync():
            self.grid.candidates, self.grid.note = None, ""
        masking = scenario.masking
        if masking in ("places", "none") and not self.grid.reasons.get("random"):
            masking = "random" if masking == "places" else masking
        scenario = scenario.replace(text=text, edits=(), places=(), kept=(), masking=masking)
        label, _ = self._history.states[self._history.now]
        self._go_on(f"text: {shortened(text)}", scenario, replaces=label.startswith("text: "))

    def _on_settings(self, message):
        names = {"masking", "mask_percent", "seed", "temperature", "top_k", "is_greedy"}
        changes = {name: value for name, value in message.items() if name in names}
        if "mask_percent" in changes:
            changes["mask_rate"] = (changes.pop("mask_percent") or 0) / 100
        if changes.get("masking") == "places" and self._trace is not None:
            changes["places"] = tuple(states.draws_of(self._trace))
        if "seed" in changes:
            changes["draw"] = 0
        kept = ()
        if self._trace is not None:
            kept = states.kept_rows(states.draws_of(self._trace), set(self._pins))
        told = ", ".join(f"{name} {value}" for name, value in changes.items() if name != "places")
        self._go_on(told, self._scenario.replace(**changes, kept=kept))

    def _on_dice(self, message):
        seed = secrets.randbelow(10_000)
        self._go_on(f"seed {seed}", self._scenario.replace(seed=seed, draw=0, kept=()))

    def _on_sample(self, message):
        scenario = states.sampled_again(self._scenario, self._trace, self._pins)
        self._go_on(f"sample {scenario.draw}", scenario, on_trace=self._record)

    def _on_mask(self, message):
        if self._trace is None:
            return
        places, is_masked = [tuple(place) for place in message["places"]], message["is_masked"]
        scenario = states.with_masks(self._scenario, self._trace, places, is_masked, self._pins)
        told = "masked" if is_masked else "shown again"
        words = {self._trace.words[word].text for word, _ in places}
        self._go_on(f"{told}: {shortened(', '.join(sorted(words)))}", scenario)

    def _on_pin(self, message):
        places = [tuple(place) for place in message["places"]]
        is_pinned = all(place in self._pins for place in places)
        others = [place for place in self._pins if place not in places]
        self._pins = others if is_pinned else [*others, *places]
        self._draw()

    def _on_put(self, message):
        if self._trace is None:
            return
        place, token = tuple(message["place"]), message["token"]
        scenario = states.with_token(self._scenario, self._trace, place, token)
        self._go_on(f"put {token}", scenario, on_trace=self._record)

    def _on_edit(self, message):
        self._edit(message["word"], message["text"], message["is_final"])

    def _edit(self, word, text, is_final):
        """A word is being rewritten: shown at once, remembered when it is final."""
        if self._trace is None:
            return
        if not 0 <= word < len(self._trace.words):
            raise InputError(
                f"word: expected a number below {len(self._trace.words)}, received {word}"
            )
        base = self._history.scenario
        if text is None or not text.strip():
            self._is_previewing = False
            self._scenario = base
            self._request_trace()
            return
        scenario = states.with_edit(base, self._trace_of_base(), word, text)
        if is_final:
            typed = self._trace.words[word].text
            before = dict(base.edits).get(word, typed)
            label = f"{before} → {text.strip()}"
            self._base_trace = None
            self._go_on(label, scenario, on_trace=lambda trace: self._judged(trace, word, before))
        else:
            self._is_previewing = True
            self._scenario = scenario
            self._request_trace(lambda trace: self._preview(trace, word))

    def _trace_of_base(self):
        """The trace of the state that the word being rewritten belongs to."""
        if not self._is_previewing or self._base_trace is None:
            self._base_trace = self._trace
        return self._base_trace

    def _preview(self, trace, word):
        self.grid.note = self._verdict_on(trace, word, trace.words[word].text)

    def _judged(self, trace, word, before):
        """An edit is done: told, counted, recorded."""
        edited = trace.words[word].edited
        if edited is None:
            self.grid.note = f"“{trace.words[word].text}” is back"
            return
        self.grid.note = self._verdict_on(trace, word, before)
        self._record(trace)
        if trace.probabilities is None:
            return
        self._looked = (word, 0)
        found = {"from": before, "to": edited, "probability": highest(trace, word), "rank": None}
        self.grid.tries = [*self.grid.tries, found]

    def _verdict_on(self, trace, word, before):
        to = trace.words[word].edited
        sentence = f"you changed {before} → {to}"
        if to is None or trace.probabilities is None:
            return sentence
        probability = highest(trace, word)
        noticed = "caught" if probability >= self.grid.threshold else "missed"
        if not trace.is_replaced[trace.words[word].first : trace.words[word].last].any():
            noticed = "the tokens are the same"
        unknown = (
            "[UNK]" in trace.corrupted_tokens[trace.words[word].first : trace.words[word].last]
        )
        return f"{sentence}: {probability:.2f}, {noticed}" + (
            "; not in the vocabulary, seen as [UNK]" if unknown else ""
        )

    def _on_look(self, message):
        self._look(tuple(message["place"]))

    def _look(self, place):
        self._looked = place
        if self._trace is None or self.grid.reasons.get("candidates"):
            return
        word, piece = place
        if word >= len(self._trace.words) or not self._has(word, piece):
            self._looked = None
            return
        fields = {"scenario": self._scenario.to_dict(), "place": list(place)}
        self._ask("candidates", self._candidates_came, view="candidates", **fields)

    def _has(self, word, piece):
        found = self._trace.words[word]
        return found.first + piece < found.last

    def _candidates_came(self, value):
        self.grid.candidates = value
        tries, word = self.grid.tries, value["place"][0]
        shown = next((row for row in value["rows"] if row["is_shown"]), None)
        edited = self._trace.words[word].edited if word < len(self._trace.words) else None
        if tries and shown and tries[-1]["rank"] is None and tries[-1]["to"] == edited:
            self.grid.tries = [*tries[:-1], {**tries[-1], "rank": shown["rank"]}]
        self.renew_copy()

    def _on_undo(self, message):
        self._go_to(self._history.now - 1)

    def _on_redo(self, message):
        self._go_to(self._history.now + 1)

    def _on_go(self, message):
        self._go_to(message["index"])

    def _go_to(self, index):
        self._history.go(index)
        self._is_previewing = False
        self._scenario = self._history.scenario
        self._draw()
        self._request_trace()

    def _on_stop(self, message):
        self._stop_job()

    def _record(self, trace):
        """Add what is shown to the trial list, if there is a folder for it."""
        if self._records is None:
            return
        info = self._info or {}
        row = {
            "text": self._scenario.text,
            "scenario": self._scenario.to_dict(),
            "positions": trace.mask_positions.tolist(),
            "tokens": trace.corrupted_tokens,
            "probabilities": None if trace.probabilities is None else trace.probabilities.tolist(),
            "checkpoint": info.get("checkpoint"),
        }
        self._records.mkdir(parents=True, exist_ok=True)
        append_row(self._records / "trials.jsonl", row)


def highest(trace: Trace, word: int) -> float:
    """The largest P(replaced) of a word's pieces."""
    found = trace.words[word]
    return float(trace.probabilities[found.first : found.last].max())


def shortened(text: str, most: int = 28) -> str:
    """The beginning of a text."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"
