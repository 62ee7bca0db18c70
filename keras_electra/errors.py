"""The errors a user can cause, each one sentence: what, expected, received.

The command line turns them into an exit code; a library user catches `ValueError` or `OSError` as usual.
"""


class ElectraError(Exception):
    """Base of every error raised on purpose by this package."""

    exit_code = 2


class InputError(ElectraError, ValueError):
    """An argument, option or file content that cannot be used as given (exit code 2)."""


class MissingSplitError(InputError):
    """A part of a task's data, such as the test split, that is not there (exit code 2)."""


class DivergedError(InputError):
    """A training in which no update works any more (exit code 2)."""


class LostWorkerError(ElectraError, RuntimeError):
    """Another process of the same training has ended (exit code 2)."""


class OutOfMemoryError(ElectraError, MemoryError):
    """A training step that does not fit the device's memory (exit code 2)."""


class RunInUseError(ElectraError, RuntimeError):
    """The run folder belongs to a process that is still alive (exit code 2)."""


class MissingExtraError(ElectraError, ImportError):
    """An optional dependency is not installed (exit code 2)."""

    def __init__(self, purpose: str, extra: str):
        super().__init__(
            f"{purpose} needs an optional dependency: pip install 'keras-electra[{extra}]'"
        )


class DamagedDataError(ElectraError, OSError):
    """A store, checkpoint or preset whose bytes do not match its own record (exit code 3)."""

    exit_code = 3


class Remark(UserWarning):
    """What a user should know of an input that is used all the same; the command line prints a line."""


class ConversionError(ElectraError, RuntimeError):
    """What a conversion wrote does not give the numbers of what it came from (exit code 3)."""

    exit_code = 3
