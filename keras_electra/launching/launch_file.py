"""`launch.json`: what was started in a run folder, by which process, and how far it came."""

import os

from keras_electra.files import absolute, readable_json, write_json
from keras_electra.launching.places import LAUNCH_FILE


class LaunchFile:
    """Reads and writes the file; it is always replaced whole.

    Its fields: `commands` ([{"name", "arguments", "shell", "progress", "result"}]), `at` (number of the
    one at work), `pid`, `process_start_time`, `host`, `started` (seconds since 1970), `exit_code` of a
    command that failed, `cancelled`, and `plan`, the settings it was made from.

    Args:
        run_dir: the run folder.
    """

    def __init__(self, run_dir: str | os.PathLike):
        self.path = absolute(run_dir) / LAUNCH_FILE

    def read(self) -> dict:
        """What it says; empty if there is none that can be read."""
        return readable_json(self.path)

    def write(self, content: dict) -> None:
        """Replace what it says."""
        write_json(self.path, content)

    def update(self, **changes) -> None:
        """Change some of what it says."""
        self.write({**self.read(), **changes})
