"""The nine tasks of GLUE, from the files of its download or the original ELECTRA's folders."""

from keras_electra.tasks.glue_files import FILES, GlueReader, MrpcReader
from keras_electra.tasks.task import Task

MNLI_FILES = {
    "train": ("train.tsv",),
    "validation": ("dev_matched.tsv",),
    "validation_mismatched": ("dev_mismatched.tsv",),
    "test": ("test_matched.tsv",),
    "test_mismatched": ("test_mismatched.tsv",),
    "diagnostic": (
        "diagnostic.tsv",
        "diagnostic-full.tsv",
        "AX.tsv",
        "../diagnostic/diagnostic.tsv",
    ),
}


def glue_task(
    name: str,
    metrics: tuple[str, ...],
    folders: tuple[str, ...],
    *texts: str | tuple[str, ...],
    label: str | tuple[str, ...] = "label",
    labels: tuple[str, ...] | None = ("0", "1"),
    value_range: tuple[float, float] | None = None,
    main_metric: str | None = None,
    epochs: float | None = None,
    files: dict[str, tuple[str, ...]] = FILES,
    reader: type[GlueReader] = GlueReader,
) -> Task:
    """One task; arguments as of `GlueReader`, single names for tuples of one."""
    columns = [(text,) if isinstance(text, str) else text for text in texts]
    return Task(
        name=name,
        kind="classification" if value_range is None else "regression",
        reader=reader(
            folders,
            tuple(columns),
            (label,) if isinstance(label, str) else label,
            labels,
            value_range,
            files,
        ),
        splits=tuple(files),
        labels=labels,
        value_range=value_range,
        metrics=metrics,
        main_metric=main_metric or metrics[0],
        recipe={} if epochs is None else {"epochs": epochs},
    )


ACCURACY = ("accuracy",)
PAIR = ("sentence1", "sentence2")
ENTAILMENT = ("entailment", "not_entailment")

COLA = glue_task("cola", ("matthews", "accuracy"), ("cola",), "sentence")
SST2 = glue_task("sst2", ACCURACY, ("sst-2", "sst", "sst2"), "sentence")
MRPC = glue_task(
    "mrpc",
    ("accuracy", "f1"),
    ("mrpc",),
    "#1 String",
    "#2 String",
    label="Quality",
    reader=MrpcReader,
)
STSB = glue_task(
    "stsb",
    ("pearson", "spearman", "mse"),
    ("sts-b", "sts", "stsb"),
    *PAIR,
    label="score",
    labels=None,
    value_range=(0.0, 5.0),
    main_metric="spearman",
    epochs=10.0,
)
QQP = glue_task("qqp", ("accuracy", "f1"), ("qqp",), "question1", "question2", label="is_duplicate")
MNLI = glue_task(
    "mnli",
    ACCURACY,
    ("mnli",),
    ("sentence1", "Premise"),
    ("sentence2", "Hypothesis"),
    label=("gold_label", "Label"),
    labels=("contradiction", "entailment", "neutral"),
    files=MNLI_FILES,
)
QNLI = glue_task("qnli", ACCURACY, ("qnli",), "question", "sentence", labels=ENTAILMENT)
RTE = glue_task("rte", ACCURACY, ("rte",), *PAIR, labels=ENTAILMENT, epochs=10.0)
WNLI = glue_task("wnli", ACCURACY, ("wnli",), *PAIR)

GLUE_TASKS = (COLA, SST2, MRPC, STSB, QQP, MNLI, QNLI, RTE, WNLI)
