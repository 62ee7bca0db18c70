"""Finding the column of a role: by its name, and by what it holds."""

import dataclasses
from collections.abc import Iterable

from keras_electra.errors import InputError
from keras_electra.tasks.fields import UnusableRow, said_in
from keras_electra.tasks.printed import as_list, spelt
from keras_electra.tasks.roles import Roles, option_of
from keras_electra.tasks.sample import Sample
from keras_electra.tasks.text import named
from keras_electra.tasks.values import Row

# Names of columns by role: those of the first tier that occurs are taken, and must be one.
TEXTS = (
    ("text",),
    ("sentence",),
    ("review", "comment", "tweet", "message", "post", "utterance", "document", "content", "body"),
    ("question", "query", "title", "headline", "description", "article", "passage"),
)
PAIRS = (
    ("premise", "hypothesis"),
    ("question", "sentence"),
    ("question", "passage"),
    ("query", "passage"),
    ("query", "document"),
)
NUMBERED_PAIR = r"(text|sentence|question|phrase|string|sent|s|q)_?(1|a)"
LABELS = (
    ("label", "labels"),
    ("gold_label", "class", "category", "target", "y"),
    ("stars", "rating", "score", "sentiment", "polarity", "emotion", "topic", "topics", "intent",
     "tag", "tags", "similarity", "is_duplicate", "language", "toxicity", "stance"),
)  # fmt: skip
WORDS = (("words", "tokens"), ("sentence", "text"))
TAGS = (
    ("tags", "labels"),
    ("ner_tags", "pos_tags", "chunk_tags", "ner", "pos", "upos", "xpos", "chunk", "bio", "tag"),
)
QUESTIONS = (("question",), ("query",))
CONTEXTS = (("context",), ("passage", "paragraph", "document", "article"))
ANSWERS = (("answers",), ("answer", "answer_text"))
NESTED_QUESTIONS = ("qas", "paragraphs")
ANSWER_STARTS = (("answer_start", "start"),)
CHOICES = (("choices", "options", "endings", "candidates", "alternatives"),)
CHOICE = (
    r"(choice|option|ending|answer|candidate|alternative|solution|sol|hypothesis)_?([0-9]|[a-h])"
)
CHOICE_QUESTIONS = (
    "question", "premise", "ctx", "context", "goal", "prompt", "stem", "startphrase", "query",
    "sentence", "text",
)  # fmt: skip
MAX_LABELS = 20
MIN_LABEL_COLUMNS = 3
"""Columns of 0 and 1 from which they are taken for labels without being named."""
IDS = ("id", "idx", "guid", "qid", "sent_id")
CHOICE_LABELS = (("label",), ("answer", "answerkey", "answer_key", "correct", "gold", "target"))


class Finder:
    """Finds columns for roles; each column has one role.

    Args:
        sample: the first rows.
        given: the roles that are known.
        has_labels: whether labels, tags or answers have to be there.
        may_be_several: whether several columns may hold the labels.

    Raises:
        InputError: for a given column that does not exist, or both `label` and `labels`.
    """

    def __init__(self, sample: Sample, given: Roles, has_labels: bool, may_be_several: bool = True):
        self.sample, self.given, self.has_labels = sample, given, has_labels
        self.may_be_several = may_be_several
        if given.label and given.labels:
            raise InputError(
                f"label_columns: expected none together with label_column {given.label!r}, received "
                f"{named(given.labels)}"
            )
        for field in dataclasses.fields(given):
            value = getattr(given, field.name)
            for name in value if isinstance(value, tuple) else [value]:
                if name is not None:
                    sample.check(option_of(field.name), name)
        self.used = set(given.names)

    def kind(self) -> str | None:
        """The kind that the given roles, or names and content of columns, tell; None for texts."""
        given, sample = self.given, self.sample
        if given.words or given.tags:
            return "tagging"
        if given.context or given.answers:
            return "question_answering"
        if given.text or given.second_text or given.labels:
            return None
        if given.choices or self.choice_columns():
            return "multiple_choice"
        if given.question:
            return "question_answering"
        if given.label:
            return None
        if self.has_tagged_words():
            return "tagging"
        contexts = sample.called([name for tier in CONTEXTS for name in tier])
        answers = sample.called([name for tier in ANSWERS for name in tier])
        nested = sample.called(NESTED_QUESTIONS)
        if nested:
            raise InputError(
                f"data: expected a question in every row, received column {nested[0]!r} with several; "
                "write such data as .json or .jsonl, which are read with them"
            )
        is_asked = bool(sample.called(QUESTIONS[0]) and contexts and answers)
        if is_asked and (
            answers_stand_in(sample, answers[0], contexts[0])
            or unread_answer(sample, answers[0]) is not None
        ):
            return "question_answering"
        if is_asked and not given.label and are_different(sample, answers[0]):
            raise InputError(
                f"answers_column: expected answers that stand in {contexts[0]!r}, received "
                f"{sample.values(answers[0])[0]!r:.60} in {answers[0]!r}"
            )
        return None

    def has_tagged_words(self) -> bool:
        """Whether there is a column of words, and one with as many tags in most rows.

        In a column of texts blanks divide the words; its tags are lists, one in every row as long as
        its text, or else they would be taken for the labels of the whole text.
        """
        words = self.sample.called(WORDS[0])
        texts = [] if words else self.sample.called(WORDS[1])
        tags = self.sample.called([name for tier in TAGS for name in tier])
        return any(
            mostly(len(items(a)) == len(items(b)) for a, b in self.sample.pairs(words[0], name))
            and any(len(items(value)) > 1 for value in self.sample.values(name))
            for name in tags
            if words
        ) or any(self.is_tagged_text(texts[0], name) for name in tags if texts)

    def is_tagged_text(self, text: str, tags: str) -> bool:
        """Whether every row has a list of as many tags as its text has words, and several somewhere."""
        pairs = self.sample.pairs(text, tags)
        lists = [as_list(value) for _, value in pairs]
        return (
            any(len(one or ()) > 1 for one in lists)
            and all(one is not None for one in lists)
            and all(len(items(a)) == len(one) for (a, _), one in zip(pairs, lists, strict=True))
        )

    def choice_columns(self) -> tuple[str, ...]:
        """A column of lists of choices, or several columns of one choice each."""
        for name in self.sample.called(CHOICES[0]):
            values = [spelt(value) for value in self.sample.values(name)]
            if values and all(isinstance(value, list | dict) for value in values):
                return (name,)
        columns = self.sample.matching(CHOICE)
        return tuple(columns) if len(columns) > 1 else ()

    def texts(self) -> Roles:
        """Roles of texts and labels."""
        given = self.given
        label = None if given.labels else self.one("label", LABELS, is_needed=False)
        first, second = given.text, given.second_text
        if first is None and second is None:
            first, second = self.pair() or (None, None)
        first = first or self.one("text", TEXTS, is_needed=False) or self.only_text()
        self.used |= {first, second}
        labels = given.labels
        if self.has_labels and self.may_be_several and not labels and label is None:
            labels = self.columns_of_marks()
        if self.has_labels and not labels and label is None:
            label = self.only_label()
        return dataclasses.replace(
            given, text=first, second_text=second, label=label, labels=labels, id=self.id()
        )

    def pair(self) -> tuple[str, str] | None:
        """Two columns of texts whose names belong together."""
        for first in self.sample.matching(NUMBERED_PAIR):
            other = first[:-1] + {"1": "2", "a": "b", "A": "B"}.get(first[-1], "")
            if other in self.sample.names and not {first, other} & self.used:
                return first, other
        for names in PAIRS:
            found = [one for name in names for one in self.sample.called([name], self.used)]
            if len(found) == 2 and all(map(self.sample.is_string, found)):
                return found[0], found[1]
        return None

    def only_text(self) -> str:
        """The only column of texts, whatever its name."""
        free = [name for name in self.sample.names if name not in self.used]
        texts = [name for name in free if self.sample.is_text(name)]
        texts = texts or [name for name in free if self.sample.is_string(name)]
        return self.single("text", texts)

    def columns_of_marks(self) -> tuple[str, ...]:
        """Columns of 0 and 1, one for each label, where there are several and no other for labels."""
        names = self.label_columns()
        are_marks = len(names) >= MIN_LABEL_COLUMNS and all(map(self.sample.is_marks, names))
        return tuple(names) if are_marks else ()

    def only_label(self) -> str:
        """The only column that could hold labels, whatever its name."""
        return self.single("label", self.label_columns())

    def label_columns(self) -> list[str]:
        """Columns that could hold labels, whatever their names."""
        sample = self.sample
        free = [
            name
            for name in sample.names
            if name not in self.used and sample.values(name) and not sample.is_id(name)
        ]
        return [name for name in free if not sample.is_text(name) and not sample.is_dict(name)]

    def tagging(self) -> Roles:
        """Roles of words and tags."""
        words = self.one("words", WORDS)
        tags = self.one("tags", TAGS, is_needed=self.has_labels)
        return dataclasses.replace(self.given, words=words, tags=tags, id=self.id())

    def question_answering(self) -> Roles:
        """Roles of questions, contexts and answers; `InputError` for a field that spells none."""
        answers = self.one("answers", ANSWERS, is_needed=self.has_labels)
        unread = None if answers is None else unread_answer(self.sample, answers)
        if unread is not None:
            raise InputError(
                f"answers_column: expected a text, or a list or dict in the spelling of JSON or "
                f"Python, in {answers!r}, received {unread!r:.80}"
            )
        return dataclasses.replace(
            self.given,
            question=self.one("question", QUESTIONS),
            context=self.one("context", CONTEXTS),
            answers=answers,
            answer_start=self.one("answer_start", ANSWER_STARTS, is_needed=False),
            id=self.id(),
        )

    def multiple_choice(self) -> Roles:
        """Roles of questions, choices and the right one."""
        choices = self.given.choices or self.choice_columns()
        if not choices:
            raise InputError(
                "choice_columns: expected columns such as 'choice1' and 'choice2', or one with lists, "
                f"received {named(self.sample.names)}; name them with choice_columns"
            )
        self.used |= set(choices)
        if len(choices) == 1:
            for value in self.sample.values(choices[0]):
                if not isinstance(spelt(value), list | dict):
                    raise InputError(
                        f"choice_columns: expected several columns, or one with lists, received "
                        f"{choices[0]!r} with {value!r}"
                    )
        # Beside the question itself there may be a short one of its sort, such as "cause".
        names = self.sample.called(CHOICE_QUESTIONS, self.used)
        question = next(filter(self.sample.is_text, names), None)
        return dataclasses.replace(
            self.given,
            choices=tuple(choices),
            question=self.given.question or question or self.single("question", names),
            label=self.one("label", CHOICE_LABELS, is_needed=self.has_labels),
            id=self.id(),
        )

    def id(self) -> str | None:
        """The column that names the rows."""
        found = self.sample.called(IDS, self.used | self.sample.repeated)
        return self.given.id or next(iter(found), None)

    def one(self, role: str, tiers, is_needed: bool = True) -> str | None:
        """The column of a role: the given one, or the only one with a name of the first tier found."""
        found = getattr(self.given, role)
        if found is None:
            for tier in tiers:
                names = self.sample.called(tier, self.used)
                if names:
                    found = self.single(role, names)
                    break
        if found is None and is_needed:
            return self.single(role, [])
        if found is not None:
            self.used.add(found)
        return found

    def single(self, role: str, names: list[str]) -> str:
        """The only name of a list; `InputError` if there is none, or several."""
        if len(names) == 1:
            return names[0]
        option = option_of(role)
        received = named(names) if names else f"none among {named(self.sample.names)}"
        flag = option.replace("_", "-")
        several = ""
        if role == "label" and len(names) > 1 and all(map(self.sample.is_marks, names)):
            several = "; several columns of 0 and 1 with label_columns (--label-columns)"
        raise InputError(
            f"{option}: expected one column for it, received {received}; name it with {option} "
            f"(--{flag}){several}"
        )


def items(value) -> list:
    """The words of a field: a list, or a text with blanks between."""
    parts = as_list(value)
    return str(value).split() if parts is None else parts


def mostly(hits: Iterable[bool]) -> bool:
    """Whether more than half are true, or there are none."""
    hits = list(hits)
    return not hits or 2 * sum(hits) > len(hits)


def answers_stand_in(sample: Sample, answers: str, context: str) -> bool:
    """Whether most answers are texts of their contexts; True if there are none to be seen."""
    hits = []
    for text, answer in sample.pairs(context, answers):
        try:
            said = said_in(Row("", {answers: answer}, 0), answers) or []
        except UnusableRow:
            continue
        hits += [one.strip().lower() in str(text).lower() for one, _ in said[:1]]
    return 2 * sum(hits) >= len(hits)


def unread_answer(sample: Sample, answers: str) -> str | None:
    """The first field that looks like a list or dict and cannot be read as one; None without any."""
    looks_so = (value for value in sample.values(answers) if is_bracketed(value))
    return next((value for value in looks_so if isinstance(spelt(value), str)), None)


def is_bracketed(value) -> bool:
    """Whether a text begins and ends as a list or a dict does."""
    text = value.strip() if isinstance(value, str) else ""
    return text[:1] + text[-1:] in ("[]", "{}")


def are_different(sample: Sample, name: str) -> bool:
    """Whether a column holds more different values than labels would be."""
    values = list(map(str, sample.values(name)))
    return len(set(values)) > MAX_LABELS and 2 * len(set(values)) > len(values)
