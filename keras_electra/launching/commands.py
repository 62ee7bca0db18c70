"""What is asked for as a command line and as Python, both ready to be copied."""

import dataclasses
import os
import shlex
from collections.abc import Mapping, Sequence

from keras_electra.files import shown_path

PROGRAM = "keras-electra"


@dataclasses.dataclass(frozen=True)
class Command:
    """One call of the program.

    Attributes:
        name: of the command, such as "tokenizer train".
        arguments: what follows the program's name.
        progress_path: of the file in which it says how far it is, or None.
        result_path: of what it makes for other commands too, or None: two launches that need the same
            make it once.
    """

    name: str
    arguments: tuple[str, ...]
    progress_path: str | None = None
    result_path: str | None = None

    @property
    def shell(self) -> str:
        """The command as it is typed in the present working directory."""
        return shlex.join([PROGRAM, *map(shown_path, self.arguments)])

    @property
    def full_arguments(self) -> tuple[str, ...]:
        """The arguments, the file of progress among them."""
        if self.progress_path is None:
            return self.arguments
        return (*self.arguments, "--progress-file", self.progress_path)


def command(name: str, options: Mapping, progress_path=None, result_path=None) -> Command:
    """A command of options by name."""
    paths = (None if path is None else os.fspath(path) for path in (progress_path, result_path))
    return Command(name, (*name.split(), *flags(options)), *paths)


def flags(options: Mapping) -> list[str]:
    """Options as they are typed; None as "none", booleans as switches, sequences word by word.

    >>> flags({"steps": 10, "clip_norm": None, "whole_words": True, "bias_correction": False})
    ['--steps', '10', '--clip-norm', 'none', '--whole-words', '--no-bias-correction']
    """
    words = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, list | tuple):
            words += [f"--{flag}", *map(str, value)]
        else:
            words += [f"--{flag}", "none" if value is None else str(value)]
    return words


def shell_text(commands: Sequence[Command]) -> str:
    """Commands as they are typed, one a line."""
    return "\n".join(one.shell for one in commands)


def keywords(options: Mapping) -> str:
    """Options as the arguments of a Python call, with a comma before each."""
    return "".join(f", {name}={literal(value)}" for name, value in options.items())


def literal(value) -> str:
    """A value as Python reads it in the present working directory; paths as strings."""
    if isinstance(value, str | os.PathLike):
        return repr(shown_path(value))
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    return repr(value)
