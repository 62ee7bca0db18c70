"""Examples flagged by a reader, such as those whose label looks wrong: lines in the run's folder."""

import datetime

from keras_electra.files import absolute, append_row, drop_cut_line, read_rows

FLAGS_FILE = "flags.jsonl"


class Flags:
    """The flags of a run; every change is one line of `flags.jsonl`, the last one of an example counts.

    Args:
        run_dir: the run's folder.
    """

    def __init__(self, run_dir):
        self.path = absolute(run_dir) / FLAGS_FILE

    def of(self, task: str, split: str) -> dict[str, str]:
        """{id: note} of the flagged examples of a split, in the order they were flagged in."""
        flagged = {}
        for row in read_rows(self.path):
            if (row.get("task"), row.get("split")) == (task, split):
                flagged.pop(row["id"], None)
                if row["is_flagged"]:
                    flagged[row["id"]] = row["note"]
        return flagged

    def set(self, task: str, split: str, id: str, is_flagged: bool, note: str = "") -> None:
        """Flag an example, or take its flag away.

        Args:
            note: what is the matter with it, for people.
        """
        drop_cut_line(self.path)
        row = {"task": task, "split": split, "id": id, "is_flagged": is_flagged, "note": note}
        time = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        append_row(self.path, {"time": time, **row})

    def toggle(self, task: str, split: str, id: str) -> bool:
        """Flag an example, or take its flag away; returns whether it is flagged now."""
        is_flagged = id not in self.of(task, split)
        self.set(task, split, id, is_flagged)
        return is_flagged
