"""Examples and the tables about them as HTML that needs no script; all text is escaped."""

from collections.abc import Sequence

from keras_electra.exploring import (
    Judged,
    TaskRun,
    prediction_sentence,
    right_sentence,
)
from keras_electra.tasks.kinds import kind_of
from keras_electra_widgets.static_html import escaped, heading, paragraph, table

GOLD_STYLE = "border-bottom:3px solid #0072B2"
GIVEN_STYLE = "border-top:3px dotted #D55E00"
MARK_STYLES = {"gold": GOLD_STYLE, "predicted": GIVEN_STYLE, "both": f"{GOLD_STYLE};{GIVEN_STYLE}"}
SIGNS = {"right": "✓", "wrong": "✗", "": ""}
MAX_CONFUSION = 12
"""Labels of which a table of confusions is still read."""


def example(one: Judged) -> str:
    """One example: verdict, what was right and given, and the text with what is marked in it."""
    parts = [] if one.gold is None else [one.verdict, f"right: {right_sentence(one)}"]
    parts.append(f"given: {prediction_sentence(one)}")
    if one.confidence is not None:
        parts.append(f"{100 * one.confidence:.0f} % sure")
    return (
        '<div style="border-left:3px solid #8a8a8a;padding-left:8px;margin:6px 0">'
        f"<b>{escaped(' · '.join(parts))}</b>{text_of(one)}</div>"
    )


def text_of(one: Judged) -> str:
    """The text of an example; spans and answers are marked."""
    kind = kind_of(one.kind)
    groups, segments, lines = kind.spans(one), kind.segments(one), []
    if groups is not None:
        return tagged_sentence(groups)
    for name, text in one.texts:
        if name == "context" and segments is not None:
            lines.append(marked_context(segments))
        else:
            lines.append(paragraph(f"{name}: {text}" if len(one.texts) > 1 else text))
    return "".join(lines) or paragraph("The run did not keep the text of this example.")


def tagged_sentence(spans: list) -> str:
    """Words in a table of three rows a group: gold spans, words, predicted spans."""
    groups = []
    for group in spans:
        above = spans_row(group.gold, len(group.words), GOLD_STYLE, "")
        below = spans_row(group.predicted, len(group.words), GIVEN_STYLE, SIGNS[group.verdict])
        words = "".join(f'<td style="padding:0 3px">{escaped(word)}</td>' for word in group.words)
        style = "display:inline-table;border-collapse:collapse;margin:2px;vertical-align:top"
        groups.append(f'<table style="{style}">{above}<tr>{words}</tr>{below}</table>')
    return f"<div>{''.join(groups)}</div>"


def spans_row(spans, num_words: int, style: str, sign: str) -> str:
    """A row of a group's table: labels over the words that they span."""
    cells, place = [], 0
    for label, first, end in spans:
        cells += ["<td></td>"] * (first - place)
        text = escaped(f"{label} {sign}".strip())
        look = f"{style};font-size:80%;text-align:center"
        cells.append(f'<td colspan="{end - first}" style="{look}">{text}</td>')
        place = end
    cells += ["<td>&nbsp;</td>"] * (num_words - place)
    return f"<tr>{''.join(cells)}</tr>"


def marked_context(segments: list) -> str:
    """The context of a question, the gold answer underlined, the given one overlined."""
    parts = []
    for text, mark in segments:
        if mark in MARK_STYLES:
            style = f"background:none;color:inherit;{MARK_STYLES[mark]}"
            parts.append(f'<mark style="{style}">{escaped(text)}</mark>')
        else:
            parts.append(escaped(text))
    return f'<p style="margin:2px 0">{"".join(parts)}</p>'


def metrics_table(run: TaskRun, task: str, split: str) -> str:
    """The figures of one split over the trials, baselines in the last columns."""
    rows = [row for row in run.metrics() if (row["task"], row["split"]) == (task, split)]
    names = sorted({name for row in rows for name in row["baselines"]})
    lines = []
    for row in rows:
        interval = row["interval"]
        between = "" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"
        beside = [row["baselines"].get(name) for name in names]
        main = " (main)" if row["metric"] == run.main_metric(task) else ""
        lines.append([row["metric"] + main, row["mean"], between, len(row["values"]), *beside])
    return table(["figure", "mean", "95 % interval", "trials", *names], lines)


def label_table(report: dict) -> str:
    """Precision, recall and F1 of each label, or each type of span."""
    name = "per_span_type" if report.get("per_span_type") else "per_label"
    rows = [
        [label, values["precision"], values["recall"], values["f1"], values["support"]]
        for label, values in report.get(name, {}).items()
    ]
    what = "type of span" if name == "per_span_type" else "label"
    return table([what, "precision", "recall", "F1", "examples"], rows) if rows else ""


def value_table(report: dict) -> str:
    """What there is to say of predicted numbers."""
    rows = [["mean error (predicted - right)", report["mean_error"]]]
    rows.append(["mean absolute error", report["mean_absolute_error"]])
    return table(["", "value"], rows)


def confusion_table(names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """Counts: a row for each right label, a column for each given one."""
    if len(names) > MAX_CONFUSION:
        return paragraph(f"The confusions of {len(names)} labels are too many for a table.")
    rows = [[name, *line] for name, line in zip(names, counts, strict=True)]
    return table(["right \\ given", *names], rows)


def calibration_table(calibration: dict | None) -> str:
    """How often what was said with a confidence is right."""
    if calibration is None:
        return ""
    rows = [
        [f"{one['low']:.1f} to {one['high']:.1f}", one["count"], one["confidence"], one["accuracy"]]
        for one in calibration["bins"]
        if one["count"]
    ]
    error = calibration["expected_calibration_error"]
    return heading(f"Calibration: expected error {error:.3f}") + table(
        ["confidence", "number", "mean confidence", "fraction right"], rows
    )
