"""What stands in the fields of a question in JSON: its answers, their places, and whether it has one."""

from collections.abc import Mapping

ANSWERS = ("answers", "answer", "answer_text")
"""Names of the field with the answers."""
TRUE = ("true", "1", "1.0", "yes")
FALSE = ("false", "0", "0.0", "no", "", "none")


class WrongField(Exception):
    """A field of a question that cannot be read."""

    def __init__(self, name: str, expected: str, value):
        super().__init__(f"expected {expected} in {name!r}, received {value!r:.60}")


def said_in(entry: Mapping):
    """What stands in the field of the answers, None where there is no such field."""
    return next((entry[name] for name in ANSWERS if entry.get(name) is not None), None)


def pairs_in(said, start=None) -> list[tuple[str, int | None]]:
    """(text, start or None) of answers: texts, dicts, lists of these, or a dict of two lists.

    Args:
        start: of an answer that is a text.

    Raises:
        WrongField: for an answer that is something else.
    """
    if said is None:
        return []
    if isinstance(said, Mapping):
        texts, starts = said.get("text", said.get("answer")), said.get("answer_start")
        if not isinstance(texts, list):
            return pairs_in(texts, starts)
        starts = starts if isinstance(starts, list) else [None] * len(texts)
        pairs = zip(texts, starts, strict=False)
        return [pair for text, one in pairs for pair in pairs_in(text, one)]
    if isinstance(said, list):
        return [pair for one in said for pair in pairs_in(one, start)]
    if not isinstance(said, str):
        raise WrongField("answers", "a text", said)
    return [(said, start_in(start))] if said.strip() else []


def start_in(value) -> int | None:
    """The place of an answer: 19, 19.0, "19" and "19.0" are 19; None and "" are not known."""
    if value is None or value == "":
        return None
    try:
        place = float(value)
    except (TypeError, ValueError):
        place = 0.5
    if not place.is_integer():
        raise WrongField("answer_start", "a whole number", value)
    return int(place)


def truth_in(value) -> bool:
    """Whether a field says yes: true, 1 and "True" do, and false, 0, "False", "" and null do not."""
    text = str(value).strip().lower()
    if text not in (*TRUE, *FALSE):
        raise WrongField("is_impossible", "true or false", value)
    return text in TRUE


def id_in(entry: Mapping) -> str:
    """What a question is called; nothing where it has no name."""
    name = entry.get("qid", entry.get("id"))
    return "" if name is None else str(name)
