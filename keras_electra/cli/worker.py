"""What `inspect_worker` and `predict_worker` do: start a backend, open a model, answer over the pipes."""

import argparse
import sys
from collections.abc import Callable, Mapping

from keras_electra.cli.backend import start_backend
from keras_electra.errors import ElectraError
from keras_electra.workers import WorkerLoop, private_pipes


def answer_requests(
    parser: argparse.ArgumentParser,
    arguments: list[str] | None,
    opened: Callable[[argparse.Namespace], tuple[dict, Mapping[str, Callable]]],
) -> int:
    """Answer until standard input ends; returns 0, or 2 and 3 as the command line does.

    Args:
        parser: of the worker's own arguments; `--backend` is added.
        arguments: None for those of the process.
        opened: called with what was parsed, once Keras has its backend; returns what the worker says
            when it is ready, and the handlers of `WorkerLoop`.
    """
    parser.add_argument("--backend", help="what Keras computes with")
    chosen = parser.parse_args(arguments)
    loop = WorkerLoop({}, *private_pipes())
    # From the start, so that an end of the input is noticed while the model is being loaded.
    loop.read_ahead()
    try:
        start_backend(chosen.backend, lambda sentence: print(sentence, file=sys.stderr))
        hello, loop.handlers = opened(chosen)
    except ElectraError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    loop.run(hello)
    return 0
