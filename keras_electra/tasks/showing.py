"""What a table and its examples look like: the first rows, and what the model is given of one."""

import itertools
from collections.abc import Collection, Sequence

from keras_electra.config.finetune import FinetuneConfig
from keras_electra.tasks.encoding import encode, labels_of
from keras_electra.tasks.examples import Example
from keras_electra.tasks.kinds import kind_of
from keras_electra.tasks.own_tables import files_in, form_of
from keras_electra.tasks.problems import Problems
from keras_electra.tasks.splits import parts_of
from keras_electra.tasks.tables import rows
from keras_electra.tasks.task import Task

NUM_ROWS = 10


def first_rows(
    data,
    num_rows: int = NUM_ROWS,
    *,
    encoding: str = "utf-8",
    has_header: bool | None = None,
    known: Collection[str] = (),
) -> list:
    """The first rows of a table, each a dict of column -> value; of a folder its training part.

    Files of tagged words and of questions have no columns: none are returned. The options are those of
    `tables.rows`.

    Raises:
        InputError: if the table cannot be read.
    """
    parts = parts_of(data, files_in, "data")
    table = parts.get("train", next(iter(parts.values())))
    if form_of(table, encoding) != "table":
        return []
    found = rows(table, Problems(), encoding=encoding, has_header=has_header, known=known)
    return [row.values for row in itertools.islice(found, num_rows)]


def seen_by_model(
    task: Task,
    examples: Sequence[Example],
    tokenizer,
    config: FinetuneConfig,
    number: int = 0,
) -> list[dict]:
    """What the model is given of one example: a dict of `piece`, `segment`, `label` for each place.

    Of an example with several inputs, such as choices or windows over a context, the first is taken.

    Args:
        examples: of the training part; the labels are theirs.
        number: of the example among them.
    """
    labels = labels_of(task, examples, config)
    one = encode(task, [examples[number]], tokenizer, config, labels=labels, is_training=False)
    if not len(one):
        return []
    kind, ids, segments = kind_of(task.kind), one.token_ids[0], one.segment_ids[0]
    if kind.has_choices:
        ids, segments = ids[0], segments[0]
    found = kind.labels_at(one, labels, len(ids))
    return [
        {"piece": piece, "segment": int(segment), "label": label}
        for piece, segment, label in zip(tokenizer.tokens_of(ids), segments, found, strict=True)
    ]
