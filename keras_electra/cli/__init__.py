"""The command line, `keras-electra`: reads the arguments, runs one command, returns its exit code.

Nothing here imports Keras before a command needs it, so that every `--help` is instant.
"""

import contextlib
import dataclasses
import difflib
import os
import signal
import sys
import typing
import warnings

import tyro

from keras_electra.cli.convert import Convert
from keras_electra.cli.demo import Demo
from keras_electra.cli.display import tell
from keras_electra.cli.evaluate import Evaluate
from keras_electra.cli.export import Export
from keras_electra.cli.finetune import Compare, Finetune, Predict
from keras_electra.cli.judge import Corrupt, Detect
from keras_electra.cli.prepare import Prepare
from keras_electra.cli.pretrain import Pretrain
from keras_electra.cli.profile import Profile
from keras_electra.cli.runs import ListRuns, PauseRun, ResumeRun, ShowRun, StopRun
from keras_electra.cli.search import Search
from keras_electra.cli.serve import Serve
from keras_electra.cli.stores import AddToStore, ImportStore, MergeStores, ShowStore, SplitStore
from keras_electra.cli.vocabulary import ExtendTokenizer, TrainTokenizer
from keras_electra.errors import (
    ElectraError,
    InputError,
    LostWorkerError,
    Remark,
)
from keras_electra.files import FULL

PROGRAM = "keras-electra"
ABOUT = "Pretrain, watch, inspect, fine-tune and hand over ELECTRA encoders."
INTERRUPTED, TERMINATED = 130, 143
SHOW_CURSOR = b"\x1b[?25h"

COMMANDS = {
    "prepare": Prepare,
    "pretrain": Pretrain,
    "profile": Profile,
    "evaluate": Evaluate,
    "detect": Detect,
}
COMMANDS |= {"corrupt": Corrupt, "finetune": Finetune, "predict": Predict, "compare": Compare}
COMMANDS |= {
    "search": Search,
    "export": Export,
    "serve": Serve,
    "convert": Convert,
    "demo": Demo,
}
GROUPS = {
    "tokenizer": (
        "Make a vocabulary, or a longer one of it.",
        {"train": TrainTokenizer, "extend": ExtendTokenizer},
    ),
    "store": (
        "Look at stores, join, divide or extend them, and import the original's examples.",
        {
            "show": ShowStore,
            "merge": MergeStores,
            "split": SplitStore,
            "add": AddToStore,
            "import": ImportStore,
        },
    ),
    "runs": (
        "Look at runs, and pause, resume or stop them.",
        {
            "list": ListRuns,
            "show": ShowRun,
            "pause": PauseRun,
            "resume": ResumeRun,
            "stop": StopRun,
        },
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the program.

    Args:
        arguments: what follows the program's name; None for those of this process.

    Returns:
        0 when all went well, 2 for a user's error, 3 for damaged data, 130 after Ctrl-C and 143
        after SIGTERM. `--help` and arguments that cannot be read end with `SystemExit`, as usual.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        with terminable(), remarks_in_one_line():
            return parse(arguments).run() or 0
    except LostWorkerError as error:
        complain(str(error), error.exit_code)
        # An orderly end would wait for the process that is gone, and be aborted with a stack trace.
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(error.exit_code)
    except ElectraError as error:
        return complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        return complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader of the output, such as `head`, has seen enough; the rest has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return complain(sentence_of(error), ElectraError.exit_code)


def parse(arguments: list[str]):
    """The command that the arguments describe, an object with `run()`.

    Raises:
        InputError: for an unknown command or option, with the nearest one there is.
    """
    words, command = named_command(arguments)
    if command is None:
        return whole_program().cli(args=arguments or ["--help"], prog=PROGRAM, description=ABOUT)
    arguments = arguments[len(words) :]
    config = (tyro.conf.OmitArgPrefixes,)
    refuse_unknown_flags(arguments, command)
    return tyro.cli(command, args=arguments, prog=" ".join([PROGRAM, *words]), config=config)


def named_command(arguments: list[str]):
    """The words that name a command, and its class; None where help about several is wanted."""
    words, known = [], {**COMMANDS, **{name: commands for name, (_, commands) in GROUPS.items()}}
    for word in arguments:
        if word.startswith("-"):
            break
        if word not in known:
            raise InputError(f"unknown command {' '.join([*words, word])!r}{nearest(word, known)}")
        words, known = [*words, word], known[word]
        if not isinstance(known, dict):
            return words, known
    return words, None


def whole_program() -> tyro.extras.SubcommandApp:
    """All commands, as `--help` lists them."""
    app = tyro.extras.SubcommandApp()
    for name, (help, commands) in GROUPS.items():
        group = tyro.extras.SubcommandApp()
        for own_name, command in commands.items():
            group.command(command, name=own_name, help=first_line(command))
        app.command(group, name=name, help=help)
    for name, command in COMMANDS.items():
        app.command(command, name=name, help=first_line(command))
    return app


def first_line(command) -> str:
    """What a command is for, in a line."""
    return command.__doc__.splitlines()[0]


def refuse_unknown_flags(arguments: list[str], command) -> None:
    """Raise `InputError` at the first argument that looks like an option and is none."""
    known = [*flags_of(command), "--help"]
    for argument in arguments:
        if argument == "--":
            return
        name = argument.split("=")[0].replace("_", "-")
        is_known = name in known or name.startswith("--tyro-")
        is_known = is_known or (name.startswith("--no-") and f"--{name[5:]}" in known)
        if name.startswith("--") and not is_known:
            raise InputError(f"unknown option {argument!r}{nearest(name, known)}")


def flags_of(kind):
    """The options of a command, those of its groups among them."""
    for field in dataclasses.fields(kind):
        if dataclasses.is_dataclass(field.type):
            yield from flags_of(field.type)
        else:
            names = (getattr(part, "name", None) for part in typing.get_args(field.type)[1:])
            name = next(filter(None, names), field.name)
            yield f"--{name.replace('_', '-')}"


def nearest(name: str, known) -> str:
    """The end of a sentence about an unknown name."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; expected one of {', '.join(known)}"


@contextlib.contextmanager
def terminable():
    """Have SIGTERM end the program with its own exit code while nothing is being trained."""

    def end(number, frame):
        # An exception could be swallowed by the callbacks of a library that is being imported.
        if sys.stderr.isatty():
            os.write(sys.stderr.fileno(), SHOW_CURSOR)
        os._exit(TERMINATED)

    try:
        former = signal.signal(signal.SIGTERM, end)
    except ValueError:
        # Python allows handlers in the main thread only.
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if former is None else former)


@contextlib.contextmanager
def remarks_in_one_line():
    """Have this package's own warnings printed as a line for people, without a place in the program."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", Remark)
        usual = warnings.showwarning

        def show(message, category, *rest):
            if issubclass(category, Remark):
                tell(f"remark: {message}")
            else:
                usual(message, category, *rest)

        warnings.showwarning = show
        yield


def complain(sentence: str, exit_code: int) -> int:
    """Say on standard error what went wrong; returns the exit code."""
    print(f"{PROGRAM}: {sentence}", file=sys.stderr)
    return exit_code


def sentence_of(error: OSError) -> str:
    """An error of the system in one sentence that names the file."""
    name = f" {str(error.filename)!r}" if error.filename is not None else ""
    if error.errno in FULL:
        return f"no space left on the disk{' of' + name if name else ''}: free some and start again"
    return f"the system refused{name or ' an operation'}: {error.strerror or error}"
