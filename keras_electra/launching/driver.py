"""Runs the commands of a launch one after the other; becomes the last of them.

Started as `python -m keras_electra.launching.driver RUN_DIR` in a session of its own, so that it lives on
when whoever started it is gone. What the commands print goes to `output.txt` of the run folder.
"""

import contextlib
import os
import pathlib
import subprocess
import sys

from keras_electra.files import Lock
from keras_electra.launching.launch_file import LaunchFile
from keras_electra.processes import start_time_of


def main(run_dir: str) -> int:
    """Run what `launch.json` in the run folder says; the exit code of the first command that fails."""
    launch = LaunchFile(run_dir)
    commands = launch.read()["commands"]
    mine = {"pid": os.getpid(), "process_start_time": start_time_of(os.getpid())}
    for index, command in enumerate(commands):
        launch.update(at=index, **mine)
        code = run(command, is_last=index == len(commands) - 1)
        if code:
            launch.update(exit_code=code)
            return code
    return 0


def run(command: dict, is_last: bool) -> int:
    """Run one command, unless it makes what is there already; its exit code."""
    arguments = [sys.executable, "-m", "keras_electra", *command["arguments"]]
    result = command.get("result")
    if result is None:
        print(f"$ {command['shell']}", flush=True)
        if is_last and os.name == "posix":
            os.execv(sys.executable, arguments)
        return subprocess.call(arguments)
    with alone(pathlib.Path(result)):
        # What was asked for itself says how it ended.
        if not is_last and os.path.exists(result):
            print(f"{result} is there already", flush=True)
            return 0
        print(f"$ {command['shell']}", flush=True)
        return subprocess.call(arguments)


@contextlib.contextmanager
def alone(result: pathlib.Path):
    """Wait until no other launch makes the same, and keep others waiting meanwhile."""
    result.parent.mkdir(parents=True, exist_ok=True)
    with Lock(result.with_name(f".{result.name}.lock")) as lock:
        if lock.acquire() is False:
            print(f"waiting for another launch that makes {result}", flush=True)
            lock.acquire(waits=True)
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
