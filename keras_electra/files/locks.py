"""Locks that the system frees however their process ends.

`filelock` locks files alone, for one process each. Here a folder that is being written is locked itself, so
that no lock file is in it when it gets its name; the tasks of one preparation share a lock; and the lock
file of a run names its owner, which Windows lets others read only if another byte is locked.
"""

import contextlib
import os
import pathlib
import weakref
from typing import Self

from keras_electra.files.links import refuse_link
from keras_electra.files.paths import StrPath

try:
    import fcntl
except ImportError:
    fcntl = None
    import msvcrt

# Windows forbids reading a locked byte; whoever is refused reads the first ones.
WINDOWS_LOCKED_BYTE = 1 << 20


class Lock:
    """A lock on a file or folder, free again once the process that holds it has released it or ended.

    A lock file stays when it is freed: deleting it would let two processes lock two files of the same name.
    As a context manager it is released at the end of the block.

    Args:
        path: a folder, or a file, which is made.
    """

    def __init__(self, path: StrPath):
        self.path = pathlib.Path(path)
        self._descriptor: int | None = None

    def acquire(self, is_shared: bool = False, waits: bool = False) -> bool | None:
        """Take the lock.

        Args:
            is_shared: whether others may share it.
            waits: whether to wait for it.

        Returns:
            True; False if another process or object holds it; None where the system or disk has no locks.

        Raises:
            InputError: if the file is a symbolic link.
        """
        refuse_link(self.path)
        is_folder = self.path.is_dir()
        if fcntl is None and (is_folder or is_shared):
            return None
        flags = os.O_RDONLY if is_folder else os.O_RDWR | os.O_CREAT
        self._descriptor = os.open(self.path, flags, 0o666)
        _held.add(self)
        try:
            _lock(self._descriptor, is_shared, waits)
        except (BlockingIOError, PermissionError):
            self.release()
            return False
        except OSError:
            # Some network disks have no locks.
            return None
        return True

    def release(self) -> None:
        """Free the lock; of no effect on one that is not held."""
        _held.discard(self)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def write(self, content: bytes) -> None:
        """Replace the content of the lock file, while it is held, for whoever is refused."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, content)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind, error, traceback) -> None:
        self.release()


def _lock(descriptor: int, is_shared: bool, waits: bool) -> None:
    if fcntl is not None:
        kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
        fcntl.flock(descriptor, kind if waits else kind | fcntl.LOCK_NB)
        return
    os.lseek(descriptor, WINDOWS_LOCKED_BYTE, os.SEEK_SET)
    # It waits for ten seconds at the most.
    msvcrt.locking(descriptor, msvcrt.LK_LOCK if waits else msvcrt.LK_NBLCK, 1)
    os.lseek(descriptor, 0, os.SEEK_SET)


_held: "weakref.WeakSet[Lock]" = weakref.WeakSet()


def _close_in_child() -> None:
    # A worker that outlives its killed parent would otherwise keep the lock.
    for lock in list(_held):
        with contextlib.suppress(OSError):
            lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
