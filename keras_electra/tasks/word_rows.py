"""Tables with a word in every row, and a column that says which sentence it is of."""

import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from keras_electra.errors import InputError
from keras_electra.tasks.fields import is_missing
from keras_electra.tasks.kinds import kind_of
from keras_electra.tasks.printed import as_list
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.roles import Roles
from keras_electra.tasks.sample import Sample
from keras_electra.tasks.tag_forms import OUTSIDE, form_of_tags
from keras_electra.tasks.text import named
from keras_electra.tasks.values import Row

WORDS = ("word", "words", "token", "tokens", "form")
TAGS = (
    "tag", "tags", "label", "labels", "ner", "ner_tag", "ner_tags", "bio", "iob", "entity", "pos",
    "pos_tag", "pos_tags", "upos", "xpos", "chunk", "chunk_tag",
)  # fmt: skip
SENTENCES = (
    "sentence_#", "sentence_id", "sentence_idx", "sentence_index", "sentence_no", "sentence_num",
    "sentence_number", "sent_id", "sent_idx", "sent_no", "sentence", "sent", "sentenceid", "sentid",
    "sid",
)  # fmt: skip
ROLES = {"words", "tags", "id"}
"""Roles that may be given for such a table."""
MIN_ROWS = 3
MIN_ALIKE = 0.25
"""Share of the rows that are of the same sentence as the next one."""


class WordRows(NamedTuple):
    """The columns of a table with a word in every row; `tags` is None where it has none."""

    sentence: str
    words: str
    tags: str | None


def word_rows_in(
    sample: Sample, given: Roles, kind: str | None, has_tags: bool = True
) -> WordRows | None:
    """The columns of a table with a word in every row; None for any other table.

    Args:
        sample: the first rows.
        given: roles that were named; `id` is then the column of the sentences.
        kind: what is learned, if known.
        has_tags: whether tags have to be there.

    Raises:
        InputError: if words are tagged, and no column says where a sentence ends, or tags could be
            in several columns.
    """
    is_told = kind is not None and kind_of(kind).is_per_word
    if (kind is not None and not is_told) or not ROLES.issuperset(given.given()):
        return None
    words = given.words or next(iter(sample.called(WORDS)), None) or unnamed_words(sample)
    if words not in sample.names or not are_words(sample.values(words)):
        return None
    called = [
        name for name in sample.called(SENTENCES, {words, given.tags}) if repeats(sample, name)
    ]
    sentence = given.id or next(iter(called), None)
    tags = given.tags or tags_in(sample, {words, sentence}, has_tags and bool(sentence))
    if tags is None:
        tags = next((name for name in sample.names if marks_spans(sample, name)), None)
    is_tagged = is_told or given.words or given.tags or marks_spans(sample, tags)
    if sentence is None and is_tagged:
        raise InputError(
            f"words_column: expected the words of a sentence in a row, received one word in every "
            f"row of {words!r}; name the column that numbers the sentences with id_column "
            "(--id-column), or put empty lines between sentences in a .tsv or .conll file"
        )
    if sentence is None or (tags is None and has_tags):
        return None
    return WordRows(sentence, words, tags)


def unnamed_words(sample: Sample) -> str | None:
    """A column of single words beside one of tags of spans, in a table without texts."""
    names = [name for name in sample.names if not marks_spans(sample, name)]
    if len(names) == len(sample.names) or any(map(sample.is_text, names)):
        return None
    strings = [name for name in names if sample.is_string(name)]
    return next(iter(strings), None)


def are_words(values: list) -> bool:
    """Whether all values are single words."""
    single = (as_list(value) is None and len(str(value).split()) == 1 for value in values)
    return len(values) >= MIN_ROWS and all(single)


def repeats(sample: Sample, name: str) -> bool:
    """Whether a column has the same value in many rows that follow each other, or is empty in some.

    In rows out of order few follow each other, by chance.
    """
    values = sample.values(name)
    alike = sum(a == b for a, b in itertools.pairwise(values))
    return len(values) < sample.num_rows or MIN_ALIKE * len(values) <= alike


def marks_spans(sample: Sample, name: str | None) -> bool:
    """Whether a column holds tags of spans, and words outside of them."""
    tags = set() if name is None else set(map(str, sample.values(name)))
    return bool(tags & set(OUTSIDE)) and form_of_tags(tags) is not None


def tags_in(sample: Sample, used: set, is_needed: bool) -> str | None:
    """The column of the tags: that of spans where several could be; None if there is none."""
    found = sample.called(TAGS, used)
    spans = [name for name in found if marks_spans(sample, name)]
    if len(spans or found) > 1 and is_needed:
        raise InputError(
            f"tags_column: expected one column for it, received {named(spans or found)}; name it "
            "with tags_column (--tags-column)"
        )
    return next(iter(spans or found), None)


def in_sentences(rows: Iterable[Row], columns: WordRows, problems: Problems) -> Iterator[Row]:
    """A row per sentence, with lists of its words and tags; it ends where the next is named.

    Args:
        problems: told of sentences left out: with a row without its word or tag.
    """
    group, number = [], -1
    for row in itertools.chain(rows, [None]):
        name = None if row is None else row.values.get(columns.sentence)
        if group and (row is None or not (is_missing(name) or name == group[0][1])):
            number += 1
            sentence = sentence_of([one for one, _ in group], columns, number, problems)
            if sentence is not None:
                yield sentence
            group = []
        if row is not None:
            group.append((row, name))


def sentence_of(group: list[Row], columns: WordRows, number: int, problems: Problems) -> Row | None:
    """The row of one sentence."""
    values = {columns.sentence: group[0].values.get(columns.sentence)}
    for name in filter(None, (columns.words, columns.tags)):
        values[name] = [row.values.get(name) for row in group]
    has_tags = not all(map(is_missing, values.get(columns.tags, ())))
    if not has_tags:
        values.pop(columns.tags, None)
    for name in values.keys() - {columns.sentence}:
        place = next((i for i, value in enumerate(values[name]) if is_missing(value)), None)
        if place is not None:
            sentence = (
                f"{group[place].place}: expected a word and its tag, received none in {name!r}"
            )
            problems.add("missing tag", sentence)
            return None
    return Row(group[0].place, values, number, group[0].repeated)
