"""Runs the commands of a launch one after the other; becomes the last of them.

Started as `python -m keras_electra.launching.driver RUN_DIR` in a session of its own, so that it lives on
when whoever started it is gone. What the commands print goes to `output.txt` of the run folder.
"""

import os
import subprocess
import sys

from keras_electra.launching.launch_file import LaunchFile
from keras_electra.runs.process import start_time_of


def main(run_dir: str) -> int:
    """Run what `launch.json` in the run folder says; the exit code of the first command that fails."""
    launch = LaunchFile(run_dir)
    commands = launch.read()["commands"]
    mine = {"pid": os.getpid(), "process_start_time": start_time_of(os.getpid())}
    for index, command in enumerate(commands):
        launch.update(at=index, **mine)
        arguments = [sys.executable, "-m", "keras_electra", *command["arguments"]]
        print(f"$ {command['shell']}", flush=True)
        is_last = index == len(commands) - 1
        if is_last and os.name == "posix":
            os.execv(sys.executable, arguments)
        code = subprocess.call(arguments)
        if code:
            launch.update(exit_code=code)
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
