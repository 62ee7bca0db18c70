"""Files that the GLUE benchmark takes."""

import io
import zipfile

from keras_electra.errors import InputError
from keras_electra.files import write_bytes

GLUE_FILES = {
    ("cola", "test"): "CoLA.tsv",
    ("sst2", "test"): "SST-2.tsv",
    ("mrpc", "test"): "MRPC.tsv",
    ("stsb", "test"): "STS-B.tsv",
    ("qqp", "test"): "QQP.tsv",
    ("mnli", "test"): "MNLI-m.tsv",
    ("mnli", "test_mismatched"): "MNLI-mm.tsv",
    ("mnli", "diagnostic"): "AX.tsv",
    ("qnli", "test"): "QNLI.tsv",
    ("rte", "test"): "RTE.tsv",
    ("wnli", "test"): "WNLI.tsv",
}
"""(task, split) -> file in the zip that gluebenchmark.com takes."""


def glue_table(rows: list[dict]) -> str:
    """The two columns of a GLUE submission, `index` and `prediction`; an index is a row's id."""
    lines = ["index\tprediction"]
    for row in rows:
        value = f"{row['value']:.3f}" if "value" in row else row["label"]
        lines.append(f"{row['id']}\t{value}")
    return "\n".join(lines) + "\n"


def write_glue_zip(path, tables: dict[str, str]) -> None:
    """Write the submission; the same tables give the same bytes.

    Args:
        path: the zip file.
        tables: file name -> content.

    Raises:
        InputError: if there is no table.
    """
    if not tables:
        raise InputError("submission: expected predictions of a GLUE test split, received none")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(tables):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), tables[name])
    write_bytes(path, content.getvalue())


def glue_tables(task: str, rows_of_split: dict[str, list[dict]]) -> dict[str, str]:
    """File name -> content for the splits of one task that GLUE asks for."""
    return {
        GLUE_FILES[task, split]: glue_table(rows)
        for split, rows in rows_of_split.items()
        if (task, split) in GLUE_FILES
    }
