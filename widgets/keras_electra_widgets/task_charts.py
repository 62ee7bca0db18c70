"""The chart of a `TaskExplorer`: confusions, labels or numbers on the left, calibration on the right."""

from collections.abc import Callable, Sequence

import numpy as np
from plotly.subplots import make_subplots

from keras_electra.exploring import Judged, confusion
from keras_electra.tasks.kinds import kind_of
from keras_electra_widgets.figure import COLOURS, MAX_POINTS, LiveFigure

SHARES = ("counts", "share of row", "share of column")
MAX_NUMBERS = 16
"""Labels up to which the cells of the heat-map hold their numbers."""
# From the page's ground to a blue that white text stands out from; a number stands in each cell.
SCALE = ((0.0, "rgba(0,114,178,0.03)"), (1.0, "rgba(0,114,178,0.75)"))


class TaskFigure(LiveFigure):
    """One figure for every kind of task; what a kind has no use for stays empty.

    Args:
        on_cell: called with the names of a clicked cell, the right label and the given one.
    """

    def __init__(self, on_cell: Callable[[str, str], None]):
        super().__init__(make_subplots(cols=2, column_widths=[0.55, 0.45], horizontal_spacing=0.14))
        self._names = []
        self.add_heatmap(row=1, col=1, colorscale=SCALE, showscale=False, xgap=1, ygap=1)
        self.add_scatter(row=1, col=1, mode="markers", marker={"color": COLOURS[0], "opacity": 0.6})
        self.add_bar(row=1, col=1, marker_color=COLOURS[0])
        self.add_scatter(row=1, col=2, mode="lines", line={"dash": "dot", "color": "#8a8a8a"})
        self.add_scatter(row=1, col=2, mode="lines+markers", line={"color": COLOURS[1]})
        self._cells, self._values, self._bars, self._ideal, self._reliability = self.data
        self.set_dark(False)
        self._ideal.update(x=[0, 1], y=[0, 1], hoverinfo="skip")
        self.update_layout(
            height=360,
            margin={"l": 60, "r": 10, "t": 30, "b": 50},
            showlegend=False,
            uirevision="keep",
        )
        self.update_xaxes(title_text="confidence", range=[0, 1], row=1, col=2)
        self.update_yaxes(title_text="fraction right", range=[0, 1.02], row=1, col=2)
        self._cells.on_click(lambda trace, points, state: self._clicked(points, on_cell))

    def set_dark(self, dark: bool) -> None:
        super().set_dark(dark)
        # plotly chooses by the colour of a cell alone, not by the page that shines through it.
        if self.data:
            self._cells.textfont.color = "#ffffff" if dark else "#000000"

    def show(
        self, kind: str, examples: Sequence[Judged], labels, report: dict | None, share: str
    ) -> str:
        """Draw examples; returns what is seen, in a sentence for those who do not see it.

        Args:
            kind: of the task.
            labels: names in the order of their numbers.
            report: of `scoring.report`, or None.
            share: one of `SHARES`, what the colours of the confusions stand for.
        """
        with self.batch_update():
            show = {
                "confusion": self._show_confusion,
                "values": self._show_values,
                "bars": self._show_bars,
            }[kind_of(kind).chart]
            left = show(examples, labels, report, share)
            right = self._show_calibration((report or {}).get("calibration"))
        return f"{left} {right}"

    def _only(self, shown):
        """Empty the left traces but one."""
        for trace in (self._cells, self._values, self._bars):
            trace.visible = trace is shown
        self.layout.xaxis.update(type="linear", autorange=True)
        self.layout.yaxis.update(type="linear", autorange=True)

    def _show_confusion(self, examples, labels, report, share):
        self._names, counts = confusion(examples, labels)
        counts = np.array(counts, np.float64).reshape(len(self._names), -1)
        totals = {"share of row": counts.sum(1, keepdims=True), "share of column": counts.sum(0)}
        shares = counts / np.maximum(totals.get(share, max(counts.max(initial=1), 1)), 1)
        shown = [escaped_label(name) for name in self._names]
        has_numbers = len(shown) <= MAX_NUMBERS
        form = "{:.0f}" if share == "counts" else "{:.0%}"
        numbers = counts if share == "counts" else shares
        self._only(self._cells)
        self._cells.update(
            x=shown,
            y=shown,
            z=shares.tolist(),
            zmin=0,
            zmax=1,
            text=[[form.format(value) for value in row] for row in numbers],
            texttemplate="%{text}" if has_numbers else None,
            customdata=counts.tolist(),
            hovertemplate="right: %{y}<br>given: %{x}<br>%{customdata}<extra></extra>",
        )
        self.layout.xaxis.update(type="category", title={"text": "given"})
        self.layout.yaxis.update(type="category", title={"text": "right"}, autorange="reversed")
        num_right = int(np.trace(counts))
        return f"Confusions of {len(shown)} labels: {num_right} of {int(counts.sum())} on the diagonal."

    def _show_values(self, examples, labels, report, share):
        known = [one for one in examples if one.gold is not None]
        # A cloud of more points is no clearer, and each is drawn anew at every change.
        known = known[:: -(-len(known) // MAX_POINTS) or 1]
        self._only(self._values)
        self._values.x = np.array([one.gold for one in known], "float32")
        self._values.y = np.array([one.predicted for one in known], "float32")
        self._values.hovertemplate = "right %{x}, given %{y}<extra></extra>"
        self.layout.xaxis.title = {"text": "right"}
        self.layout.yaxis.title = {"text": "given"}
        return f"{len(known)} examples, the number that was given over the one that is right."

    def _show_bars(self, examples, labels, report, share):
        per_label = (report or {}).get("per_label") or {}
        if per_label:
            names, values = list(per_label), [one["f1"] for one in per_label.values()]
        else:
            known = [one for one in examples if one.is_right is not None]
            names = ["right", "wrong"]
            values = [sum(one.is_right is wanted for one in known) for wanted in (True, False)]
        self._only(self._bars)
        self._bars.x, self._bars.y = [escaped_label(name) for name in names], values
        texts = [f"{value:.3g}" for value in values]
        self._bars.text = texts
        self.layout.xaxis.update(type="category", title={"text": "label" if per_label else ""})
        self.layout.yaxis.title = {"text": "F1" if per_label else "examples"}
        pairs = zip(names, texts, strict=True)
        return f"Bars: {', '.join(f'{name} {value}' for name, value in pairs)}."

    def _show_calibration(self, calibration):
        bins = [one for one in (calibration or {"bins": []})["bins"] if one["count"]]
        self._ideal.visible = self._reliability.visible = bool(bins)
        self._reliability.x = np.array([one["confidence"] for one in bins], "float32")
        self._reliability.y = np.array([one["accuracy"] for one in bins], "float32")
        self._reliability.marker.size = [
            float(np.clip(4 + 2 * np.log2(one["count"]), 5, 18)) for one in bins
        ]
        self._reliability.text = [f"{one['count']} predictions" for one in bins]
        for axis in (self.layout.xaxis2, self.layout.yaxis2):
            axis.visible = bool(bins)
        if not bins:
            return "No calibration: the predictions have no probabilities."
        error = calibration["expected_calibration_error"]
        return f"Calibration: confidence and fraction right differ by {error:.3f} on the mean."

    def _clicked(self, points, on_cell):
        if points.point_inds:
            row, column = points.point_inds[0]
            on_cell(self._names[row], self._names[column])


def escaped_label(name: str) -> str:
    """A label as plotly shows it as it is: its texts take some tags."""
    return str(name).replace("&", "&amp;").replace("<", "&lt;")
