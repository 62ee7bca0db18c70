"""Questions as they stand in SQuAD's JSON and in MRQA's JSON lines."""

from collections.abc import Iterator

from keras_electra.errors import InputError
from keras_electra.tasks.answers import NOT_IN_CONTEXT, answers_in
from keras_electra.tasks.examples import Answer, QuestionExample, half_character
from keras_electra.tasks.tables import json_lines, read_json
from keras_electra.tasks.task import Problems
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
    """The questions of a file in SQuAD's JSON, or in MRQA's JSON lines.

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
    if suffix_of(path) in LINE_SUFFIXES:
        entries = mrqa_entries(path, problems, encoding)
    else:
        entries = squad_entries(path, problems, encoding)
    for place, context, entry in entries:
        example = question_of(place, context, entry, problems, has_answerability, may_be_open)
        if example is not None:
            yield example


def squad_entries(path, problems: Problems, encoding: str) -> Iterator[tuple[str, str, dict]]:
    """(place, context, question as it stands) of SQuAD's JSON, which is read whole."""
    content = read_json(path, encoding)
    articles = content.get("data") if isinstance(content, dict) else None
    if not isinstance(articles, list):
        raise InputError(
            f"{path}: expected SQuAD's JSON with a list 'data', received {type(content).__name__}"
        )
    for number, article in enumerate(articles):
        try:
            paragraphs = [(one["context"], list(one["qas"])) for one in article["paragraphs"]]
        except (KeyError, TypeError):
            refuse(
                f"{path}: expected paragraphs with 'context' and 'qas' as in SQuAD, received another "
                f"form in article {number + 1}",
                problems if number else None,
            )
            continue
        for context, entries in paragraphs:
            for entry in entries:
                name = entry.get("id") if isinstance(entry, dict) else entry
                yield f"{path}: question {name}", context, entry


def mrqa_entries(path, problems: Problems, encoding: str) -> Iterator[tuple[str, str, dict]]:
    """(place, context, question as it stands) of MRQA's lines; the header is passed over."""
    is_first = True
    for row in json_lines(path, problems, encoding):
        if "header" in row.values:
            continue
        try:
            context, entries = row.values["context"], list(row.values["qas"])
        except (KeyError, TypeError):
            refuse(
                f"{row.place}: expected 'context' and 'qas' as in MRQA, received {named(row.values)}",
                None if is_first else problems,
            )
            continue
        is_first = False
        for entry in entries:
            yield row.place, context, entry


def refuse(sentence: str, problems: Problems | None) -> None:
    """Raise `InputError` where a file begins in another form; later on, only tell of it."""
    if problems is None:
        raise InputError(sentence)
    problems.add("not a question", sentence)


def answers_of(entry: dict, context: str) -> tuple[tuple[Answer, ...], str | None, bool]:
    """The answers of a question as it stands in a file, as `answers_in` gives them, and if it has any.

    An answer of MRQA has several places, each with an end that is included; its text has its length.
    """
    said = entry.get("answers")
    if "detected_answers" not in entry:
        pairs = [(answer["text"], answer.get("answer_start")) for answer in said or ()]
        return *answers_in(context, pairs), said is not None
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


def check_texts(*texts) -> None:
    """Raise `TypeError` where one is no text."""
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"a {type(text).__name__} is no text")


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
        check_texts(question, context)
        answers, missing, is_told = answers_of(entry, context)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        problems.add("not a question", f"{place}: expected a question and answers ({error!r})")
        return None
    said_none = is_told and not answers and missing is None
    is_impossible = bool(entry.get("is_impossible", has_answerability and said_none))
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
        id=str(entry.get("qid", entry.get("id"))),
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
    """Whether a JSON file is in SQuAD's form, or a file of JSON lines in MRQA's; it is looked into."""
    suffix = suffix_of(path)
    if suffix in LINE_SUFFIXES:
        first = parsed(next(text_lines(path, encoding), ""))
        return isinstance(first, dict) and ("header" in first or "qas" in first)
    if suffix != ".json":
        return False
    try:
        content = read_json(path, encoding)
    except InputError:
        # Lines of objects, or damaged: whoever reads it as a table will tell.
        return False
    return isinstance(content, dict) and isinstance(content.get("data"), list)
