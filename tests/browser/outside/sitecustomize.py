"""Found by every Python process that has this folder in PYTHONPATH: writes down, and refuses,
connections to anything but this machine."""

import os
import sys

_LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")


def _watch(event, arguments):
    if event not in ("socket.connect", "socket.sendto"):
        return
    address = arguments[1]
    if isinstance(address, tuple) and not str(address[0]).startswith(_LOOPBACK):
        with open(os.environ["KERAS_ELECTRA_CONNECTIONS"], "a", encoding="utf-8") as file:
            file.write(f"{address[0]}:{address[1]} from {' '.join(sys.orig_argv)[:200]}\n")
        raise ConnectionRefusedError(f"a test refuses the connection to {address[0]}")


if "KERAS_ELECTRA_CONNECTIONS" in os.environ:
    sys.addaudithook(_watch)
