"""Arguments that several commands take."""

import contextlib
import os
import pathlib
import shlex
import sys

import tyro

from keras_electra.cli.backend import start_backend
from keras_electra.cli.display import native_messages_held, tell, waiting
from keras_electra.cli.freed_memory import keep_freed_memory
from keras_electra.cli.options import OptionalText, argument, choice, refused, spec, switch
from keras_electra.config.optimizer import WEIGHTS
from keras_electra.errors import InputError
from keras_electra.files import shown_path
from keras_electra.launching.installed import BACKENDS

Backend = argument(
    choice("backend", BACKENDS),
    "what Keras computes with",
    "KERAS_BACKEND, keras.json, or the first installed",
)
Json = switch("print JSON and nothing else")
Texts = argument(
    tyro.conf.Positional[tuple[str, ...]],
    "texts; - reads them from standard input, one a line",
    metavar="TEXT...",
)
Head = argument(
    OptionalText, "which head of a model of several tasks", "its only one", metavar="NAME"
)
Weights = argument(
    choice("weights", WEIGHTS),
    "the latest weights, or the moving average that a pretraining run with --ema-rate keeps",
)


def start_keras(backend: str | None, keeps_memory: bool = False) -> None:
    """Have Keras run on the backend that was asked for, and import it.

    Args:
        keeps_memory: for what computes step after step, `keep_freed_memory`.
    """
    if keeps_memory:
        keep_freed_memory()
    name = start_backend(backend, tell)
    # TensorFlow's greeting heeds none of its own switches.
    silence = native_messages_held() if name == "tensorflow" else contextlib.nullcontext()
    with silence as stream, waiting(f"starting Keras on {name}", stream):
        import keras_electra.models  # noqa: F401


def devices_spec():
    """How the command line reads a number of devices, or "all"."""

    def read(texts):
        if texts[0] == "all":
            return "all"
        if not texts[0].isdigit() or int(texts[0]) < 1:
            raise refused("devices", "a whole number from 1 or all", texts[0])
        return int(texts[0])

    return spec("INT|all", read)


def texts_of(arguments: tuple[str, ...], keeps_empty: bool = False) -> list[str]:
    """The texts that were given; each "-" stands for the lines of standard input.

    Args:
        keeps_empty: whether empty lines are kept, so that each line has its number.

    Raises:
        InputError: if there is none that is not empty.
    """
    texts = []
    for text in arguments:
        texts += [line.rstrip("\r\n") for line in sys.stdin] if text == "-" else [text]
    if not keeps_empty:
        texts = [text for text in texts if text.strip()]
    if not any(map(str.strip, texts)):
        raise InputError("text: expected at least one, or - for standard input, received none")
    return texts


def existing(flag: str, path: pathlib.Path) -> pathlib.Path:
    """The path, which must be there; asked before the seconds that starting Keras takes."""
    if not path.exists():
        raise InputError(f"{flag}: expected a path, received {path}, which does not exist")
    return path


def quoted(path: str | os.PathLike) -> str:
    """A path as it has to be typed in a shell, from the present working directory."""
    return shlex.quote(shown_path(path))
