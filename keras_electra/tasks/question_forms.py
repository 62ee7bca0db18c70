"""Questions as they stand in SQuAD's JSON and in MRQA's JSON lines."""

import collections
import dataclasses
from collections.abc import Iterator

from keras_electra.errors import InputError
from keras_electra.tasks.answers import NOT_IN_CONTEXT, answers_in
from keras_electra.tasks.examples import Answer, QuestionExample, half_character
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.question_fields import WrongField, id_in, pairs_in, said_in, truth_in
from keras_electra.tasks.tables import json_lines, read_json
from keras_electra.tasks.text import named, suffix_of, text_lines
from keras_electra.tasks.values import parsed

LINE_SUFFIXES = (".jsonl", ".ndjson")


def questions_in(
    path,
    problems: Problems,
    *,
    has_answerability: bool,
    may_be_open: bool = False,
    encoding: str = "utf-8",
) -> Iterator[QuestionExample]:
    """The questions of a file of contexts with questions, as SQuAD's JSON and MRQA's JSON lines.

    Articles with paragraphs, or paragraphs, stand in a list, which may be called "data", or one in a
    line. A question without an id is called by its number, and an id that comes again gets one: "7#2".

    All answers of a question are kept, the first one first; MRQA's further spellings of an answer,
    which do not stand in the context, come last. An answer that is not where the file says is looked
    for in its context; a question without an answer that stands there is left out, and told of. (The
    original takes one answer, and for MRQA the first place of the first one.)

    Args:
        problems: told of questions left out.
        has_answerability: whether a question may have no answer, as in SQuAD 2.0.
        may_be_open: whether a question may come without its answers, as in test data.

    Raises:
        InputError: if the file is of neither form.
    """
    lines = suffix_of(path) in LINE_SUFFIXES
    values = line_values if lines else whole_value
    seen = collections.Counter()
    for place, context, entry in entries_in(values(path, problems, encoding), problems):
        example = question_of(place, context, entry, problems, has_answerability, may_be_open)
        if example is None:
            continue
        name = example.id or str(seen.total())
        seen[name] += 1
        # Predictions are told apart by their ids.
        yield dataclasses.replace(example, id=name if seen[name] == 1 else f"{name}#{seen[name]}")


def line_values(path, problems: Problems, encoding: str) -> Iterator[tuple[str, dict]]:
    """(place, object) of JSON lines; MRQA's header is passed over."""
    for row in json_lines(path, problems, encoding):
        if "header" not in row.values:
            yield row.place, row.values


def whole_value(path, problems: Problems, encoding: str) -> Iterator[tuple[str, dict]]:
    """(place, object) of each item of a list in a JSON file, which is read whole, or of its "data"."""
    items = items_of(read_json(path, encoding))
    if not items:
        raise InputError(f"{path}: expected a list of contexts with questions, received none")
    for number, item in enumerate(items):
        yield f"{path}: item {number + 1}", item


def items_of(content) -> list:
    """The items of a list, alone or as "data"; else the value itself as the only one."""
    items = content.get("data", content) if isinstance(content, dict) else content
    return items if isinstance(items, list) else [items]


def entries_in(values, problems: Problems) -> Iterator[tuple[str, str, dict]]:
    """(place, context, question as it stands): of articles with paragraphs, or of paragraphs."""
    is_first = True
    for place, value in values:
        try:
            paragraphs = value.get("paragraphs", [value])
            found = [(one["context"], list(one["qas"])) for one in paragraphs]
        except (KeyError, TypeError, AttributeError):
            received = named(value) if isinstance(value, dict) else repr(value)[:40]
            refuse(
                f"{place}: expected 'context' and 'qas', or 'paragraphs' with these, as in SQuAD and "
                f"MRQA, received {received}",
                None if is_first else problems,
            )
            continue
        is_first = False
        for context, entries in found:
            for entry in entries:
                name = id_in(entry) if isinstance(entry, dict) else ""
                yield f"{place}, question {name}" if name else place, context, entry


def refuse(sentence: str, problems: Problems | None) -> None:
    """Raise `InputError` where a file begins in another form; later on, only tell of it."""
    if problems is None:
        raise InputError(sentence)
    problems.add("not a question", sentence)


def answers_of(entry: dict, context: str) -> tuple[tuple[Answer, ...], str | None, bool]:
    """The answers of a question as it stands in a file, as `answers_in` gives them, and if it has any.

    An answer of MRQA has several places, each with an end that is included; its text has its length.
    """
    said = said_in(entry)
    if "detected_answers" not in entry:
        return *answers_in(context, pairs_in(said, entry.get("answer_start"))), said is not None
    detected = [
        (answer["text"], span[0])
        for answer in entry["detected_answers"]
        for span in answer["char_spans"]
    ]
    answers, missing = answers_in(context, detected or [(text, None) for text in said or ()])
    # What was not detected is another spelling of what was, and need not be looked for.
    texts = {answer.text for answer in answers}
    others = dict.fromkeys(text for text in said or () if answers and text not in texts)
    return answers + tuple(Answer(text, NOT_IN_CONTEXT) for text in others), missing, True


def question_of(
    place: str,
    context: str,
    entry: dict,
    problems: Problems,
    has_answerability: bool,
    may_be_open: bool,
) -> QuestionExample | None:
    """The example of one question, or None with a word to `problems`; arguments as of `questions_in`."""
    try:
        question = entry["question"]
        for name, text in (("question", question), ("context", context)):
            if not isinstance(text, str):
                raise WrongField(name, "a text", text)
        answers, missing, is_told = answers_of(entry, context)
        said_none = is_told and not answers and missing is None
        is_impossible = has_answerability and said_none
        if entry.get("is_impossible") is not None:
            is_impossible = truth_in(entry["is_impossible"])
    except WrongField as error:
        problems.add("not a question", f"{place}: {error}")
        return None
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        problems.add("not a question", f"{place}: expected a question and answers ({error!r})")
        return None
    if is_impossible and has_answerability:
        answers = ()
    elif is_impossible:
        problems.add(
            "question without an answer",
            f"{place}: expected a question with an answer, received an unanswerable one",
        )
        return None
    elif missing is not None and not answers:
        problems.add(
            "answer not in its context",
            f"{place}: expected an answer that stands in its context, received {missing!r}",
        )
        return None
    elif not answers and not may_be_open:
        problems.add("question without an answer", f"{place}: expected an answer, received none")
        return None
    example = QuestionExample(
        id=id_in(entry),
        question=question,
        context=context,
        answers=answers,
        is_impossible=is_impossible,
    )
    half = half_character(example)
    if half is not None:
        problems.add(
            "half of a character",
            f"{place}: expected characters, received half of a surrogate pair ({half})",
        )
        return None
    return example


def is_question_file(path, encoding: str = "utf-8") -> bool:
    """Whether a file of JSON or JSON lines holds contexts with questions; it is looked into."""
    suffix = suffix_of(path)
    if suffix in LINE_SUFFIXES:
        first = parsed(next(text_lines(path, encoding), ""))
        return isinstance(first, dict) and ("header" in first or holds_questions(first))
    if suffix != ".json":
        return False
    try:
        content = read_json(path, encoding)
    except InputError:
        # Lines of objects, or damaged: whoever reads it as a table will tell.
        return False
    first = next(iter(items_of(content)), None)
    return isinstance(first, dict) and holds_questions(first)


def holds_questions(value: dict) -> bool:
    """Whether an object is an article or a paragraph with questions."""
    return "paragraphs" in value or "qas" in value
