"""A table in a panel: sorted by a click on a title, rows ticked, copied as text."""

import csv
import io
import math
from collections.abc import Sequence

import anywidget
import traitlets

from keras_electra_widgets.static_html import shown
from keras_electra_widgets.styles import module_path, style_sheet

FORMATS = ("Markdown", "CSV")


class Table(anywidget.AnyWidget):
    """Rows and columns of plain values, drawn by `static/table.js`; text stays text.

    Fill it with `show`. What is ticked and pinned comes back in `ticked` and `pinned`.
    """

    _esm = module_path("table")
    _css = style_sheet("table")

    caption = traitlets.Unicode().tag(sync=True)
    columns = traitlets.List().tag(sync=True)
    """Dicts {"title", "numeric"}."""
    rows = traitlets.List().tag(sync=True)
    """Dicts {"id", "label", "cells", "note", "cannot_tick"}."""
    ticks = traitlets.Bool(False).tag(sync=True)
    """Whether rows can be ticked."""
    ticked = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """Ids of the ticked rows, in the order in which they were."""
    pinned = traitlets.Unicode().tag(sync=True)
    """Id of the row that others are compared with; empty for none. The key B sets it."""
    signs = traitlets.Dict().tag(sync=True)
    """{id: {"color", "dash"}}: how the row's line is drawn in the chart."""
    formats = traitlets.List(list(FORMATS)).tag(sync=True)
    """What the table can be copied as."""

    def __init__(self, **traits):
        super().__init__(**traits)
        self.on_msg(self._hear)

    def show(self, titles: Sequence[str], rows: Sequence[dict], caption: str = "") -> None:
        """Show rows, each {"id", "label", "cells"} and perhaps "note" and "cannot_tick".

        Args:
            titles: of the columns.
            rows: cells are texts, numbers, or None for what there is none of.
            caption: what the table is of.
        """
        rows = [{**row, "cells": [_plain(value) for value in row["cells"]]} for row in rows]
        columns = [
            {"title": title, "numeric": _is_numeric([row["cells"][place] for row in rows])}
            for place, title in enumerate(titles)
        ]
        with self.hold_sync():
            self.caption = caption
            # Equal lists are not sent again.
            self.columns, self.rows = columns, rows

    def as_text(self, format_name: str) -> str:
        """The table as "Markdown" or "CSV"."""
        titles = [column["title"] for column in self.columns]
        cells = [row["cells"] for row in self.rows]
        return as_csv(titles, cells) if format_name == "CSV" else as_markdown(titles, cells)

    def __repr__(self):
        return f"Table({len(self.rows)} rows)"

    def _hear(self, _, message, buffers):
        if isinstance(message, dict) and message.get("kind") == "copy":
            name = "CSV" if message.get("format") == "CSV" else "Markdown"
            self.send({"kind": "copy", "format": name, "text": self.as_text(name)})


def as_markdown(titles: Sequence, rows: Sequence[Sequence]) -> str:
    """A table in Markdown; bars and line breaks in texts do not end a cell."""

    def line(cells):
        texts = (shown(cell).replace("\\", "\\\\").replace("|", "\\|") for cell in cells)
        return "| " + " | ".join(" ".join(text.splitlines()) for text in texts) + " |"

    return "\n".join([line(titles), "|" + "---|" * len(titles), *map(line, rows)]) + "\n"


def as_csv(titles: Sequence, rows: Sequence[Sequence]) -> str:
    """A table as CSV, numbers in all their digits.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    for row in (titles, *rows):
        writer.writerow([_harmless(cell) for cell in row])
    return file.getvalue()


def _harmless(cell):
    is_formula = isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{cell}" if is_formula else "" if cell is None else cell


def _plain(value):
    if value is None or isinstance(value, bool | str):
        return str(value).lower() if isinstance(value, bool) else value
    if isinstance(value, int | float):
        if isinstance(value, int) and abs(value) > 2**53:
            return str(value)
        return value if math.isfinite(value) else str(value)
    return str(value)


def _is_numeric(cells):
    there = [cell for cell in cells if cell is not None]
    return bool(there) and all(isinstance(cell, int | float) for cell in there)
