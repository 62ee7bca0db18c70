"""The run as a process sees it that trains with others and writes nothing."""

from keras_electra.runs.folder import RunFolder


class SilentSession:
    """Takes what `RunSession` takes while a run goes on, and leaves the folder alone.

    Of several processes that train together, one has the `RunSession`.

    Args:
        path: the run folder; other machines see it too.
    """

    resumed = True

    def __init__(self, path):
        self.folder = RunFolder(path)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback) -> None:
        pass

    def set_state(self, state: str, step: int | None = None, **details) -> None:
        """Nothing: the other process says it."""

    def append_log(self, row: dict) -> None:
        """Nothing: the other process writes the same row."""

    def cut_log(self, step: int) -> int:
        """Nothing: the other process cuts it."""
        return 0

    def append_event(self, kind: str, **details) -> None:
        """Nothing: the other process notes it."""

    def take_commands(self) -> list[dict]:
        """No commands: the other process takes them."""
        return []
