"""Where answers stand in their context."""

import re
from collections.abc import Iterable

from keras_electra.tasks.examples import Answer

NOT_IN_CONTEXT = -1
"""Start of an answer that counts as right although its text does not stand in the context."""


def located(context: str, text: str, start: int | None = None) -> Answer | None:
    """The answer as it stands in the context, or None where it does not.

    Where it is not at `start`, the nearest place with the same text is taken: as whole words if
    possible, then in another case, then as part of a word; white space may always differ.
    `located("Born in  New York.", "new york", 0)` is `Answer("New York", 9)`.

    Args:
        start: the character it is said to start at, or None if nothing is said.
    """
    if not isinstance(start, int) or start < 0:
        start = 0
    elif text and context.startswith(text, start):
        return Answer(text, start)
    words, lower_case = text.split(), context.lower()
    if not words or not all(word.lower() in lower_case for word in words):
        return None
    pattern = r"\s+".join(map(re.escape, words))
    for form in (rf"(?<!\w){pattern}(?!\w)", pattern):
        for flags in (re.NOFLAG, re.IGNORECASE):
            found = re.finditer(form, context, flags)
            nearest = min(found, key=lambda match: abs(match.start() - start), default=None)
            if nearest is not None:
                return Answer(nearest.group(), nearest.start())
    return None


def answers_in(
    context: str, said: Iterable[tuple[str, int | None]]
) -> tuple[tuple[Answer, ...], str | None]:
    """Answers that stand in the context, those that do not behind them; and one of the latter.

    Args:
        said: text of each answer, and the character it is said to start at or None.

    Returns:
        The answers, without repetitions, and the text of the first that is not in the context, or
        None. If none is in the context, there are no answers.
    """
    answers, others = {}, {}
    for text, start in said:
        answer = located(context, text, start)
        if answer is not None:
            answers[answer] = None
        elif text.strip():
            others[Answer(text, NOT_IN_CONTEXT)] = None
    missing = next((answer.text for answer in others), None)
    return (tuple(answers) + tuple(others) if answers else ()), missing
