"""The data of a task as it is shown before training: first rows, checks, lengths, one encoded example."""

from collections.abc import Sequence

import ipywidgets

from keras_electra.tasks.checking import DataReport, Lengths
from keras_electra.tasks.checks import Check
from keras_electra_widgets import static_html
from keras_electra_widgets.form import WIDE

MAX_CHARACTERS = 160
BAR_BLOCKS = 24
NONE = "no rows"
MARKS = {True: "! look into it", False: "✓"}


class DataView(ipywidgets.VBox):
    """The first rows, what was found in them, and the rows behind a check."""

    def __init__(self):
        self.preview, self.found = ipywidgets.HTML(), ipywidgets.HTML()
        self.checks, self.rows, self.lengths = (ipywidgets.HTML() for _ in range(3))
        self.raw = ipywidgets.Checkbox(description="whole texts", indent=False, value=False)
        self.chooser = ipywidgets.Dropdown(
            description="Show rows of", style={"description_width": "140px"}, layout={"width": WIDE}
        )
        self._first, self._report = [], None
        super().__init__(
            [
                self.found,
                self.preview,
                self.raw,
                self.checks,
                self.chooser,
                self.rows,
                self.lengths,
            ]
        )
        self.raw.observe(lambda change: self._draw_preview(), names="value")
        self.chooser.observe(lambda change: self._draw_rows(), names="value")
        self.show_report(None)
        self.show_rows([])

    def show_sentence(self, sentence: str) -> None:
        """Say what the columns were taken for."""
        self._set(self.found, static_html.paragraph(sentence) if sentence else "")

    def show_rows(self, rows: Sequence[dict]) -> None:
        """Show the first rows of the table."""
        self._first = list(rows)
        self._draw_preview()

    def show_report(self, report: DataReport | None) -> None:
        """Show what the checks found; None while nothing is known."""
        self._report = report
        checks = report.checks if report else ()
        with_rows = [check.name for check in checks if check.rows]
        options = [NONE, *with_rows]
        if list(self.chooser.options) != options:
            self.chooser.options = options
            self.chooser.value = NONE
        shown = None if with_rows else "none"
        self.chooser.layout.display = self.rows.layout.display = shown
        self._set(self.checks, checks_markup(report) if report else "")
        has_lengths = report is not None and report.lengths is not None
        self._set(self.lengths, lengths_markup(report.lengths) if has_lengths else "")
        self._draw_rows()

    def parts(self) -> list[str]:
        """Markup for the static copy."""
        return [one.value for one in (self.found, self.preview, self.checks) if one.value]

    def _draw_preview(self):
        limit = None if self.raw.value else MAX_CHARACTERS
        markup = rows_markup(self._first, "the first rows", limit) if self._first else ""
        self._set(self.preview, markup)
        self.raw.layout.display = None if self._first else "none"

    def _draw_rows(self):
        checks = self._report.checks if self._report else ()
        chosen = next((one for one in checks if one.name == self.chooser.value), None)
        markup = rows_markup(chosen.rows, told_rows(chosen), MAX_CHARACTERS) if chosen else ""
        self._set(self.rows, markup)

    @staticmethod
    def _set(widget, markup):
        if widget.value != markup:
            widget.value = markup


def told_rows(check: Check) -> str:
    """What the rows of a check are."""
    shown = len(check.rows)
    return (
        f"{check.name}: the first {shown} of {check.count:,}" if check.count > shown else check.name
    )


def rows_markup(rows: Sequence[dict], caption: str, limit: int | None) -> str:
    """Dicts as a table, a column for each name."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[shortened(row.get(name), limit) for name in names] for row in rows]
    return static_html.table(names, cells, caption)


def shortened(value, limit: int | None):
    """A value as text of at most so many characters; numbers and None as they are."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    text = str(value)
    return text if limit is None or len(text) <= limit else f"{text[: limit - 1]}…"


def checks_markup(report: DataReport) -> str:
    """All checks, those to be looked into first."""
    numbers = ", ".join(f"{number:,} in {split}" for split, number in report.num_examples.items())
    checks = sorted(report.checks, key=lambda check: not check.is_problem)
    rows = [(MARKS[check.is_problem], check.sentence) for check in checks]
    return static_html.table(("check", "what was found"), rows, f"examples: {numbers}")


def lengths_markup(lengths: Lengths) -> str:
    """How long examples are, as bars of signs; what is cut is marked."""
    most = max(lengths.counts, default=1) or 1
    rows = []
    for index, count in enumerate(lengths.counts):
        first, last = lengths.edges[index], lengths.edges[index + 1] - 1
        if not rows and not count:
            continue
        bar = "█" * round(BAR_BLOCKS * count / most) or ("▏" if count else "")
        note = "all" if first > lengths.longest_kept else ""
        if first <= lengths.longest_kept < last:
            note = f"from {lengths.longest_kept + 1} on"
        rows.append((f"{first}-{last}", count, bar, note))
    return static_html.table(("tokens", "examples", "share", "cut"), rows, "how long examples are")


def pieces_markup(places: Sequence[dict], caption: str) -> str:
    """What the model is given of an example: piece, segment, and label where there are any."""
    has_labels = any(place["label"] for place in places)
    names = ("piece", "segment", "label") if has_labels else ("piece", "segment")
    style, rows = static_html.CELL_STYLE, []
    for name in names:
        values = ["" if place[name] is None else place[name] for place in places]
        cells = "".join(f'<td style="{style}">{static_html.escaped(one)}</td>' for one in values)
        rows.append(f'<tr><th scope="row" style="{style}">{name}</th>{cells}</tr>')
    head = f'<caption style="text-align:left">{static_html.escaped(caption)}</caption>'
    table = f'<table style="border-collapse:collapse">{head}{"".join(rows)}</table>'
    # What scrolls must be reached by the keyboard.
    return (
        '<div tabindex="0" role="region" aria-label="what the model sees" '
        f'style="overflow-x:auto">{table}</div>'
    )
