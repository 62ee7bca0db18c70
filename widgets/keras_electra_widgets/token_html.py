"""A trace as HTML that needs no script and no style sheet: aligned rows of a table, words in marks."""

from keras_electra.traces import Trace, VerdictCounts, word_verdicts
from keras_electra.traces.plain_text import shown_word
from keras_electra_widgets.static_html import CELL_STYLE, escaped, heading, paragraph, table

WORDS_PER_TABLE = 10
SIGNS = {"caught": "✓", "missed": "✗", "false alarm": "!", "lucky": "≈"}


def trace_parts(trace: Trace, threshold: float) -> list[str]:
    """Markup of the rows of a trace: typed, generator, P(replaced), verdict; a table for ten words."""
    verdicts = word_verdicts(trace, threshold)
    seen = [number for number, word in enumerate(trace.words) if word.last > word.first]
    parts = [
        _rows(trace, seen[first : first + WORDS_PER_TABLE], verdicts)
        for first in range(0, len(seen), WORDS_PER_TABLE)
    ]
    if trace.num_left_out:
        num_seen = len(trace.tokens) - 2
        told = f"first {num_seen} of {num_seen + trace.num_left_out} pieces are seen; left out: "
        parts.append(paragraph(told + trace.left_out.strip()))
    if trace.probabilities is not None and seen:
        counts = VerdictCounts.of([verdicts[number] for number in seen])
        parts.append(paragraph(f"{counts.sentence()} (replaced from {threshold:.0%})"))
    return parts


def _rows(trace, numbers, verdicts):
    masked = set(map(int, trace.mask_positions))
    typed, given, scores, said = [], [], [], []
    for number in numbers:
        word = trace.words[number]
        typed.append(escaped(word.text))
        shown = escaped(shown_word(trace, number))
        if any(word.first <= place < word.last for place in masked):
            given.append(f"[<mark>{shown}</mark>]")
        else:
            given.append(f"✎ <mark>{shown}</mark>" if word.edited is not None else "·")
        if trace.probabilities is not None:
            scores.append(float(trace.probabilities[word.first : word.last].max()))
            verdict = verdicts[number]
            said.append(escaped(f"{SIGNS[verdict]} {verdict}" if verdict else ""))
    lines = [_line("you typed", typed), _line("generator", given)]
    if trace.probabilities is not None:
        cells = [f"{100 * score:.0f}" for score in scores]
        lines += [_line("replaced, %", cells, map(_ground, scores)), _line("verdict", said)]
    return f'<table style="border-collapse:collapse;margin:6px 0">{"".join(lines)}</table>'


def _line(name, cells, styles=None):
    styles = styles or [""] * len(cells)
    inside = "".join(
        f'<td style="{CELL_STYLE};text-align:center{style}">{cell}</td>'
        for cell, style in zip(cells, styles, strict=True)
    )
    return f'<tr><th scope="row" style="{CELL_STYLE};text-align:right">{name}</th>{inside}</tr>'


def _ground(score):
    # Vermilion let through by the page's own colour, so that text stays readable on either.
    return f";background:rgba(213,94,0,{0.6 * score:.2f});border-bottom:{1 + 5 * score:.1f}px solid #d55e00"


def candidates_part(found: dict) -> str:
    """Markup of a candidates table."""
    rows = [
        (
            one["token"],
            None if one["probability"] is None else 100 * one["probability"],
            one["rank"],
            None if one["replaced"] is None else round(100 * one["replaced"]),
            ", ".join(
                name
                for name, holds in (
                    ("original", one["is_original"]),
                    ("stands here", one["is_shown"]),
                    ("fools best", number == found["best"]),
                )
                if holds
            ),
        )
        for number, one in enumerate(found["rows"])
    ]
    titles = ("candidate", "generator, %", "rank", "replaced, %", "")
    return heading(f"In place of “{found['original']}”") + table(titles, rows)


def film_part(trace: Trace, frames: list[dict]) -> str:
    """Markup of what several checkpoints say of the same tokens."""
    titles = ["step", *trace.corrupted_tokens[1:-1]]
    rows = [
        (frame["step"], *(round(100 * p) for p in frame["probabilities"][1:-1])) for frame in frames
    ]
    return heading("Replaced, %, by checkpoint") + table(titles, rows)


def strip_part(trace: Trace, places: list[dict]) -> str:
    """Markup of the sensitivity strip."""
    rows = [
        (trace.tokens[one["position"]], one["guess"], round(100 * one["replaced"]))
        for one in places
    ]
    return heading("If only this token were replaced") + table(
        ("token", "best wrong guess", "replaced, %"), rows
    )


def suspects_part(title: str, rows: list[dict]) -> str:
    """Markup of a file's most suspicious words."""
    lines = [(row["line"], row["word"], round(100 * row["replaced"]), row["text"]) for row in rows]
    return heading(title) + table(("line", "word", "replaced, %", "text"), lines)
