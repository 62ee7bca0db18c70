"""The browser of examples, drawn by `static/examples.js`, and what it is given of each."""

import anywidget
import traitlets

from keras_electra.exploring import (
    Judged,
    prediction_sentence,
    right_sentence,
)
from keras_electra.tasks.kinds import kind_of
from keras_electra_widgets.styles import module_path, style_sheet

PAGE_SIZE = 20


class ExampleBrowser(anywidget.AnyWidget):
    """A page of examples, with the keys J, K, X and E.

    It sends {"kind": "page", "first"}, {"kind": "flag", "id"} and {"kind": "edit", "place"}.
    """

    _esm = module_path("examples")
    _css = style_sheet("examples")

    examples = traitlets.List().tag(sync=True, echo_update=False)
    """Those of the page, as `shown` makes them."""
    first = traitlets.Int(0).tag(sync=True)
    """Place of the first of them."""
    total = traitlets.Int(0).tag(sync=True)
    """How many fit the filters."""
    overall = traitlets.Int(0).tag(sync=True)
    """How many there are."""
    page_size = traitlets.Int(PAGE_SIZE).tag(sync=True)
    chosen = traitlets.Int(0).tag(sync=True)
    """Place of the one that the keys are about."""

    def show(self, examples: list[Judged], overall: int, flagged, first: int = 0) -> None:
        """Show the page that begins at a place.

        Args:
            examples: all that fit the filters, in order.
            overall: how many there are without filters.
            flagged: ids of the flagged ones.
            first: place of the first to show.
        """
        first = max(0, min(first, len(examples) - 1)) if examples else 0
        page = examples[first : first + self.page_size]
        with self.hold_sync():
            self.overall, self.total, self.first = overall, len(examples), first
            self.examples = [shown(one, first + n, flagged) for n, one in enumerate(page)]
            if not first <= self.chosen < first + max(len(page), 1):
                self.chosen = first

    def __repr__(self):
        return f"ExampleBrowser({self.total} examples)"


def shown(one: Judged, place: int, flagged) -> dict:
    """An example in the types of JSON, for the browser."""
    kind = kind_of(one.kind)
    is_right = {True: "right", False: "wrong", None: "unknown"}[one.is_right]
    has_number = kind.chart == "values" and one.gold is not None
    return {
        "place": place,
        "id": one.id,
        "verdict": one.verdict,
        "is_right": "number" if has_number else is_right,
        "right": right_sentence(one),
        "given": prediction_sentence(one),
        "confidence": one.confidence,
        "is_flagged": one.id in flagged,
        "texts": [list(pair) for pair in one.texts],
        "groups": groups_of(kind.spans(one)),
        "segments": kind.segments(one),
    }


def groups_of(groups: list | None) -> list[dict] | None:
    """The groups of a tagged sentence, in the types of JSON; None where there are none."""
    return groups and [
        {
            "words": list(group.words),
            "gold": [list(span) for span in group.gold],
            "predicted": [list(span) for span in group.predicted],
            "verdict": group.verdict,
        }
        for group in groups
    ]
