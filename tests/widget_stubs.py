"""Rung one of the widget tests: no browser, no kernel, and every message counted.

`comms` and `unthreaded` are fixtures of `conftest.py`, made of these.
"""

import json
import time

import comm
from comm.base_comm import BaseComm


class CountingComms:
    """Stands where messages to the browser would leave.

    Attributes:
        messages: (seconds, comm id, data, number of bytes) of each message, oldest first.
    """

    def __init__(self):
        self.messages = []

    def create_comm(self, *args, **kwargs):
        """What `comm.create_comm` is replaced by."""
        counter = self

        class CountingComm(BaseComm):
            def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
                size = len(json.dumps(data, default=repr))
                size += sum(memoryview(buffer).nbytes for buffer in buffers or ())
                counter.messages.append((time.monotonic(), self.comm_id, data, size))

        return CountingComm(*args, **kwargs)

    def clear(self):
        """Forget what came so far."""
        self.messages.clear()

    def __len__(self):
        return len(self.messages)

    @property
    def num_bytes(self) -> int:
        """Of all messages together."""
        return sum(size for *_, size in self.messages)

    def updates(self, widget) -> list[dict]:
        """The states that were sent of one widget."""
        return [
            data["state"]
            for _, identity, data, _ in self.messages
            if identity == widget.model_id and (data or {}).get("method") == "update"
        ]


def from_browser(widget, **state) -> None:
    """Set traits as the browser would."""
    data = {"method": "update", "state": state, "buffer_paths": []}
    widget._handle_msg({"content": {"data": data}, "buffers": []})


def send_from_browser(widget, content: dict) -> None:
    """Send a message of one's own as `model.send` of the browser would."""
    data = {"method": "custom", "content": content}
    widget._handle_msg({"content": {"data": data}, "buffers": []})


def install(monkeypatch) -> CountingComms:
    """Put counting comms where widgets make theirs."""
    comms = CountingComms()
    monkeypatch.setattr(comm, "create_comm", comms.create_comm)
    return comms
