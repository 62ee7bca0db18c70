"""What was right and what was given, in words; and a run as plain text, for consoles."""

from collections.abc import Sequence

from keras_electra.exploring.examples import Judged
from keras_electra.exploring.run import TaskRun
from keras_electra.exploring.selecting import Selection, select
from keras_electra.tasks.kinds import kind_of

SHOWN_CHARACTERS = 160
NUM_SHOWN = 5


def right_sentence(one: Judged) -> str:
    """What is right for an example; "not known" where that is so."""
    return "not known" if one.gold is None else kind_of(one.kind).in_words(one, "gold")


def prediction_sentence(one: Judged) -> str:
    """What was given for an example."""
    return kind_of(one.kind).in_words(one, "predicted")


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
