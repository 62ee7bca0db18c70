"""A worker without Keras for the tests of `workers`: run as `python -m stub_worker`."""

import os
import sys
import time

from keras_electra.errors import InputError
from keras_electra.workers import WorkerLoop, private_pipes


def add(request):
    print("chatter of a library")
    os.write(1, b"chatter of a compiled library\n")
    return request["a"] + request["b"]


def count(request):
    for done in range(request["total"]):
        time.sleep(request.get("pause", 0.0))
        yield done + 1, request["total"], done
    return "counted"


def refuse(request):
    raise InputError("number: expected 1, received 2")


def fail(request):
    raise ZeroDivisionError("deep inside")


def die(request):
    print("out of memory, or so", file=sys.stderr, flush=True)
    os._exit(7)


def sleep(request):
    time.sleep(request["seconds"])
    return "awake"


if __name__ == "__main__":
    lines, answers = private_pipes()
    handlers = {f.__name__: f for f in (add, count, refuse, fail, die, sleep)}
    loop = WorkerLoop(handlers, lines, answers)
    loop.read_ahead()
    if "--broken" in sys.argv:
        print("expected a model, found none", file=sys.stderr)
        sys.exit(2)
    loop.run({"pid": os.getpid()})
