"""Which choice of a row is the right one, and how the labels of a table say it."""

from collections.abc import Sequence

from keras_electra.tasks.fields import LETTERS, as_text, choices_in, label_name, whole_number
from keras_electra.tasks.printed import spelt
from keras_electra.tasks.roles import Roles
from keras_electra.tasks.sample import Sample
from keras_electra.tasks.values import Row


def right_choice(
    value,
    names: Sequence[str],
    choices: Sequence[str],
    places: Sequence[str],
    first_choice: int | None,
) -> int | None:
    """Number of the right choice from 0; None for a label that names none.

    Args:
        value: the label: a number, a name or letter, or the text of the choice.
        names: what each choice is called.
        choices: their texts.
        places: names in the order that numbers count.
        first_choice: the number that stands for the first of `places`; None where labels are texts.
    """
    label = as_text(value).strip()
    if first_choice is None:
        return place_in(choices, label)
    number = whole_number(value)
    if label not in names and number is not None:
        place = number - first_choice
        label = places[place] if 0 <= place < len(places) else label
    for text in (label, label_name(value)):
        for known in (names, choices, LETTERS[: len(choices)]):
            if (place := place_in(known, text)) is not None:
                return place
    return None


def place_in(texts: Sequence[str], label: str) -> int | None:
    """Index of the first text that is the label but for blanks around it; None if there is none."""
    return next((place for place, text in enumerate(texts) if text.strip() == label), None)


def first_choice(sample: Sample, roles: Roles) -> int | None:
    """The number that stands for the first choice: 1 if no 0 is seen, but that of the last one is.

    None where the labels are texts of choices, which may themselves look like numbers.
    """
    if roles.label is None:
        return 0
    if are_texts(sample, roles):
        return None
    numbers = {whole_number(value) for value in sample.values(roles.label)}
    if 0 in numbers or not numbers - {None}:
        return 0
    if len(roles.choices) > 1:
        num_choices = len(roles.choices)
    else:
        lists = [spelt(value) for value in sample.values(roles.choices[0])]
        texts = [one.get("text") or () if isinstance(one, dict) else one for one in lists]
        num_choices = max(map(len, texts))
    return int(num_choices in numbers)


def are_texts(sample: Sample, roles: Roles) -> bool:
    """Whether every label is the text of a choice in its row, and no name that the data gives it."""
    found = []
    for values in sample.having(roles.label):
        label = values[roles.label]
        names, choices = choices_in(Row("", values, 0), roles.choices)
        if len(choices) < 2:
            # Such a row is left out, whatever its label.
            continue
        is_name = label in names and names != list(LETTERS[: len(choices)])
        is_text = isinstance(label, str) and place_in(choices, label.strip()) is not None
        found.append(is_text and not is_name)
    return bool(found) and all(found)
