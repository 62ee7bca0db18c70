"""Sentences of tagged words: files of columns as of the CoNLL tasks, and CoNLL-U."""

import dataclasses
import itertools
import pathlib
from collections.abc import Iterable, Iterator

from keras_electra.errors import InputError
from keras_electra.tasks.column_lines import Layout, Line, layout_of, sentence_lines
from keras_electra.tasks.examples import Example, TaggingExample
from keras_electra.tasks.folders import tables_by_split
from keras_electra.tasks.kinds import kind_of
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.splits import file_of, part_of, parts_of, share_of
from keras_electra.tasks.tag_forms import TagForm, form_of_tags
from keras_electra.tasks.task import Task
from keras_electra.tasks.text import suffix_of, text_lines

COLUMN_SUFFIXES = (".txt", ".conll", ".bio", ".iob", ".iob2", ".train", ".testa", ".testb")
CONLLU_SUFFIXES = (".conllu",)
CONLLU_COLUMNS = (
    "id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc"
)  # fmt: skip
UNSPECIFIED = "_"
USUAL_FORM = TagForm("B-type")
TOLD = ("train", "validation")
"""Splits whose tags are known; of others they may be."""


@dataclasses.dataclass(frozen=True)
class ColumnReader:
    """Reads a task's sentences from its folder, from one file, or from a dict of split -> file.

    In a folder, a file's name says its split (`train.txt`, `en_ewt-ud-dev.conllu`). Without a
    validation file a tenth of the training sentences is drawn, always the same.

    Attributes:
        name: of the task.
        suffixes: endings of its files.
        words_column: of column files, the number of the word counted from 1; None to look.
        tag_column: the same of the tag; of CoNLL-U a name such as "upos".
        has_spans: whether the tags mark spans, as BIO, IOB or BIOES.
        tag_form: how the tags of spans are written; None to look into each file.
        is_conllu: whether the files are CoNLL-U, whatever their names.
        validation_fraction, split_seed: of the draw.
        encoding: of the files.
    """

    name: str
    suffixes: tuple[str, ...] = COLUMN_SUFFIXES
    words_column: int | None = None
    tag_column: int | str | None = None
    has_spans: bool = True
    tag_form: TagForm | None = None
    is_conllu: bool = False
    validation_fraction: float = 0.1
    split_seed: int = 0
    encoding: str = "utf-8"

    def __call__(self, data, split: str, problems: Problems) -> Iterator[TaggingExample]:
        part = part_of(parts_of(data, self._in_folder, self.name), split, self.name)
        if part.share == "validation":
            problems = Problems(problems.is_strict)
        path = file_of(part.table, self.name)
        sentences = self.sentences(path, problems, may_be_open=split not in TOLD)
        if part.share == "all":
            return sentences
        return iter(
            share_of(
                list(sentences), part.share, self.validation_fraction, self.split_seed, problems
            )
        )

    def _in_folder(self, folder: pathlib.Path) -> dict:
        inner = folder / self.name
        place = inner if inner.is_dir() else folder
        return tables_by_split(place, lambda file: suffix_of(file) in self.suffixes)

    def sentences(
        self, path, problems: Problems, may_be_open: bool = False
    ) -> Iterator[TaggingExample]:
        """The sentences of one file; arguments as of `column_sentences`."""
        if self.is_conllu or suffix_of(path) in CONLLU_SUFFIXES:
            column = self.tag_column or "upos"
            return conllu_sentences(path, problems, column=column, encoding=self.encoding)
        return column_sentences(
            path,
            problems,
            words_column=self.words_column,
            tag_column=self.tag_column,
            has_spans=self.has_spans,
            tag_form=self.tag_form,
            may_be_open=may_be_open,
            encoding=self.encoding,
        )


def column_sentences(
    path,
    problems: Problems,
    *,
    words_column: int | None = None,
    tag_column: int | None = None,
    has_spans: bool = False,
    tag_form: TagForm | None = None,
    may_be_open: bool = False,
    encoding: str = "utf-8",
) -> Iterator[TaggingExample]:
    """Sentences of a file with a word per line, columns behind it, and empty lines between sentences.

    Columns stand between tabs, if a line has one, or else blanks. The lines "Rain NN B-NP" and
    "falls VBZ B-VP" are the sentence of the words Rain, falls and the tags B-NP, B-VP. Passed over
    are lines that begin with -DOCSTART-, and comments in front of a sentence: lines that begin with
    "#" and have no tag where the others do. The last sentence needs no empty line behind it.

    Args:
        problems: told of sentences left out: with another number of columns than the file's first
            line, or with a tag that marks no span.
        words_column, tag_column: numbers of the columns from 1; None to look, as `layout_of` does.
        has_spans: whether tags must mark spans.
        tag_form: how the tags of spans are written; None to look, if `has_spans`.
        may_be_open: whether there may be words alone, as in test data.

    Raises:
        InputError: if the file cannot be read, has no such column, or no sentence with right tags.
    """
    layout = layout_of(
        path,
        words_column=words_column,
        tag_column=tag_column,
        may_be_open=may_be_open,
        encoding=encoding,
    )
    if has_spans and tag_form is None:
        tag_form = form_of_tags(layout.tags) or USUAL_FORM
    num_good, problem = 0, None
    for number, lines in enumerate(sentence_lines(path, layout, encoding)):
        problem = column_problem(path, lines, layout, tag_form)
        if problem:
            problems.add(*problem)
            continue
        num_good += 1
        tags = None if layout.tag is None else [fields[layout.tag] for _, fields in lines]
        if tags and tag_form:
            tags = map(tag_form.read, tags)
        yield TaggingExample(
            id=str(number),
            words=tuple(fields[layout.word] for _, fields in lines),
            tags=None if tags is None else tuple(tags),
        )
    if not num_good:
        raise InputError(problem[1] if problem else f"{path}: expected words, received comments")


def in_bioes(
    examples: Iterable[Example], form: TagForm | None, problems: Problems
) -> Iterator[Example]:
    """The examples with tags of spans as the scorer reads them; all as they are without a form.

    Args:
        problems: told of examples left out, with a tag of another form.
    """
    for one in examples:
        if form is None or one.tags is None:
            yield one
            continue
        tags = tuple(map(form.read, one.tags))
        if None in tags:
            wrong = one.tags[tags.index(None)]
            sentence = (
                f"example {one.id}: expected a tag like {form.pattern} or O, received {wrong!r}"
            )
            problems.add("tag that marks no span", sentence)
        else:
            yield dataclasses.replace(one, tags=tags)


def column_problem(path, lines: list[Line], layout: Layout, form: TagForm | None):
    """(sort, sentence) on the first line of a sentence that cannot be used; None if all can."""
    for number, fields in lines:
        place = f"{path}:{number}"
        if len(fields) != layout.width:
            sentence = f"{place}: expected {layout.width} columns, received {len(fields)}"
            return "wrong number of columns", sentence
        tag = None if layout.tag is None else fields[layout.tag]
        if not fields[layout.word] or tag == "":
            return "missing tag", f"{place}: expected a word and its tag, received {fields}"
        if tag is not None and form is not None and form.read(tag) is None:
            return (
                "tag that marks no span",
                f"{place}: expected a tag O, B-..., I-..., E-... or S-..., received {tag!r}",
            )
    return None


def conllu_sentences(
    path, problems: Problems, *, column: str = "upos", encoding: str = "utf-8"
) -> Iterator[TaggingExample]:
    """Sentences of a CoNLL-U file: the forms of its words, and one of its columns as their tags.

    Lines of ranges of words (3-4) and of empty nodes (5.1) are passed over. Examples are named after
    `sent_id`, or else numbered.

    Args:
        problems: told of sentences left out: with another number of columns than ten, or a word
            whose tag is not given.
        column: "upos", "xpos", or another of the format.

    Raises:
        InputError: if the file cannot be read, or there is no such column.
    """
    if column not in CONLLU_COLUMNS[2:]:
        raise InputError(
            f"tags_column: expected one of {', '.join(CONLLU_COLUMNS[2:])}, received {column!r}"
        )
    place, number = CONLLU_COLUMNS.index(column), -1
    lines = itertools.chain(enumerate(text_lines(path, encoding), 1), [(0, "")])
    sentence, name, problem = [], None, None
    for line_number, line in lines:
        line = line.rstrip("\r\n")
        if line.startswith("#"):
            key, _, value = line[1:].partition("=")
            name = value.strip() if key.strip() == "sent_id" else name
        elif line.strip():
            fields = line.split("\t")
            problem = problem or conllu_problem(f"{path}:{line_number}", fields, place)
            if fields[0].isdecimal():
                sentence.append(fields)
        else:
            if sentence or problem:
                number += 1
                if problem:
                    problems.add(*problem)
                else:
                    words = tuple(fields[1] for fields in sentence)
                    tags = tuple(fields[place] for fields in sentence)
                    yield TaggingExample(id=name or str(number), words=words, tags=tags)
            sentence, name, problem = [], None, None
    if number < 0:
        raise InputError(f"{path}: expected sentences in CoNLL-U, received none")


def conllu_problem(place: str, fields: list[str], tag: int) -> tuple[str, str] | None:
    """(sort, sentence) on a line of CoNLL-U that cannot be used."""
    if len(fields) != len(CONLLU_COLUMNS):
        return (
            "wrong number of columns",
            f"{place}: expected {len(CONLLU_COLUMNS)} columns, received {len(fields)}",
        )
    if fields[0].isdecimal() and fields[tag] == UNSPECIFIED:
        name = CONLLU_COLUMNS[tag]
        return "missing tag", f"{place}: expected {name} of {fields[1]!r}, received {UNSPECIFIED!r}"
    return None


def tagging_task(name: str, **reading) -> Task:
    """A task of files with tagged words.

    Args:
        name: of the task, and of the folder that its files may be in.
        **reading: attributes of `ColumnReader`.
    """
    reader = ColumnReader(name, **reading)
    kind = kind_of("tagging")
    metrics = kind.usual_metrics if reader.has_spans else kind.word_metrics
    return Task(
        name=name,
        kind=kind.name,
        reader=reader,
        metrics=metrics,
        main_metric=metrics[0],
        recipe=kind.recipe,
    )


CHUNK = tagging_task("chunk")
NER = tagging_task("ner")
POS = tagging_task("pos", suffixes=CONLLU_SUFFIXES, tag_column="upos", has_spans=False)
TAGGING_TASKS = (CHUNK, NER, POS)
