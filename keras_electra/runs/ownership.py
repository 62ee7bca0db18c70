"""To which process a run folder belongs."""

import os

from keras_electra.errors import RunInUseError
from keras_electra.files import Lock, readable_json, to_json, writing
from keras_electra.processes import host_name


class FolderLock(Lock):
    """The lock of a run folder; it names its owner."""

    def hold(self) -> None:
        """Take the lock and write the owner into the file.

        Raises:
            RunInUseError: naming the process and machine that hold it.
        """
        with writing(self.path):
            # On a disk without locks the caller also looks at the heartbeat.
            if self.acquire() is False:
                raise RunInUseError(in_use_sentence(self.path.parent, readable_json(self.path)))
            try:
                self.write(to_json({"pid": os.getpid(), "host": host_name()}).encode())
            except BaseException:
                self.release()
                raise


def in_use_sentence(path, owner: dict) -> str:
    """Why `path` is refused, given the `pid` and `host` of its owner."""
    pid, host = owner.get("pid", "unknown"), owner.get("host", "unknown")
    return f"run folder {str(path)!r} is in use by process {pid} on host {host!r}"
