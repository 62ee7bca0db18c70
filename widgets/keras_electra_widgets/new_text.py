"""A form for text that no data has, and what the model says of it."""

from collections.abc import Callable

import ipywidgets

from keras_electra.exploring import Judged
from keras_electra.tasks.kinds import kind_of
from keras_electra_widgets import example_html
from keras_electra_widgets.actions import Action, ActionRow
from keras_electra_widgets.static_html import escaped, table

HINTS = {
    "second text": "only for pairs",
    "choices": "one a line",
    "sentence": "words with spaces between",
}


class NewText(ipywidgets.VBox):
    """Text boxes of a kind of task, a button, and the answer.

    Args:
        kind: of the task.
        on_predict: called with the input, as `model.predict` takes one, when the button is pressed.
    """

    def __init__(self, kind: str, on_predict: Callable):
        self.kind, self.boxes = kind, {}
        for name in kind_of(kind).fields:
            self.boxes[name] = ipywidgets.Textarea(
                description=name,
                placeholder=HINTS.get(name, ""),
                rows=4 if name in ("context", "choices") else 2,
                layout=ipywidgets.Layout(width="100%"),
                style={"description_width": "90px"},
            )
            self.boxes[name].observe(lambda change: self.check(), names="value")
        self.button = Action("Predict", "Ask the best trial's model", button_style="primary")
        self.button.on_click(lambda button: on_predict(self.input()))
        self.row = ActionRow(self.button)
        self.answer = ipywidgets.HTML()
        super().__init__([*self.boxes.values(), self.row, self.answer])
        self.check()

    def check(self, is_busy: bool = False) -> None:
        """Allow the button if there is something to ask about."""
        needed = [name for name in self.boxes if name != "second text"]
        missing = [name for name in needed if not self.boxes[name].value.strip()]
        reason = f"the {missing[0]} is empty" if missing else ""
        self.button.allow_if(not missing and not is_busy, reason or "the model is at work")
        self.row.refresh()

    def input(self):
        """What was typed, as `model.predict` takes one example."""
        texts = {name: box.value.strip() for name, box in self.boxes.items()}
        return kind_of(self.kind).from_boxes(texts)

    def fill(self, one: Judged) -> None:
        """Put an example's text into the boxes, to be changed."""
        texts = dict(one.texts)
        choices = [text for name, text in one.texts if name.startswith("choice ")]
        for name, box in self.boxes.items():
            box.value = "\n".join(choices) if name == "choices" else texts.get(name, "")

    def show(self, row: dict, given) -> None:
        """Show a prediction.

        Args:
            row: as `model.predict` gives one.
            given: the input that it is of.
        """
        one = Judged(0, {"id": "new", "gold": None, **row}, self.example_of(given), self.kind)
        markup = example_html.example(one)
        chances = row.get("probabilities")
        if isinstance(chances, dict):
            ordered = sorted(chances.items(), key=lambda pair: -pair[1])
            markup += table(["label", "probability"], [[name, p] for name, p in ordered])
        elif kind_of(self.kind).has_choices:
            pairs = zip(given["choices"], chances, strict=True)
            markup += table(["choice", "probability"], [list(pair) for pair in pairs])
        self.answer.value = markup

    def say(self, sentence: str) -> None:
        """Show a sentence in the answer's place."""
        self.answer.value = escaped(sentence)

    def example_of(self, given) -> dict:
        """The input in the form of `examples/*.jsonl`."""
        if isinstance(given, dict):
            return {**given, "answers": []}
        texts = given if isinstance(given, list) else [given]
        return dict(zip(("text", "second_text"), texts, strict=False))
