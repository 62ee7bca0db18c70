"""What was right and what was given, in words; and a run as plain text, for consoles."""

from collections.abc import Sequence

from keras_electra.exploring.examples import Judged
from keras_electra.exploring.marking import tag_groups
from keras_electra.exploring.run import TaskRun
from keras_electra.exploring.selecting import Selection, select

SHOWN_CHARACTERS = 160
NUM_SHOWN = 5


def right_sentence(one: Judged) -> str:
    """What is right for an example; "not known" where that is so."""
    if one.gold is None:
        return "not known"
    if one.kind == "tagging":
        return spans_sentence(one, "gold")
    if one.kind == "question_answering":
        return " | ".join(dict.fromkeys(one.gold)) or "(no answer)"
    return value_sentence(one, one.gold)


def prediction_sentence(one: Judged) -> str:
    """What was given for an example."""
    if one.kind == "tagging":
        return spans_sentence(one, "predicted")
    return value_sentence(one, one.predicted)


def value_sentence(one: Judged, value) -> str:
    """A label, labels, a number, a choice or an answer."""
    if one.kind == "multi_label":
        return ", ".join(value) or "(none)"
    if one.kind == "regression":
        return f"{value:.4g}"
    if one.kind == "multiple_choice":
        choices = one.example.get("choices", ())
        return f"{value}: {choices[value]}" if value < len(choices) else str(value)
    return value or "(no answer)"


def spans_sentence(one: Judged, side: str) -> str:
    """The spans of a tagged sentence: "PER Ada Lovelace; LOC London"."""
    spans = [
        f"{name} {' '.join(group.words[first:end])}"
        for group in tag_groups(one)
        for name, first, end in getattr(group, side)
    ]
    return "; ".join(spans) or "(none)"


def as_text(run: TaskRun, task: str, split: str, examples: Sequence[Judged]) -> str:
    """A run's figures, and the examples that are most wrong, as plain text."""
    lines = [run.state_sentence()]
    for row in run.metrics():
        if (row["task"], row["split"]) == (task, split):
            lines.append(f"  {row['metric']:<20} {figure_sentence(row)}")
    wrong = select(examples, Selection(order="most wrong"))
    lines += [example_line(one) for one in wrong[:NUM_SHOWN] if one.error]
    return "\n".join(lines)


def figure_sentence(row: dict) -> str:
    """Mean, interval, number of trials and baselines of a row of `TaskRun.metrics`."""
    parts = [f"{row['mean']:.4f}"]
    if row["interval"] is not None:
        parts.append(f"({row['interval'][0]:.4f} to {row['interval'][1]:.4f} at 95 %)")
    num_trials = len(row["values"])
    parts.append(f"over {num_trials} trials" if num_trials > 1 else "of 1 trial")
    parts += [f"{name} {value:.4f}" for name, value in row["baselines"].items()]
    return ", ".join(parts)


def example_line(one: Judged) -> str:
    """An example in a line: verdict, what was right and given, the text."""
    text = " / ".join(text for _, text in one.texts) or "(text not recorded)"
    if len(text) > SHOWN_CHARACTERS:
        text = f"{text[:SHOWN_CHARACTERS]}…"
    return (
        f"  [{one.verdict}] right: {right_sentence(one)}; given: {prediction_sentence(one)}; {text}"
    )
