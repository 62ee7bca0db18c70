"""Which process a run belongs to: whether it is alive, and a lock that dies with it."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import weakref

from keras_electra.errors import RunInUseError
from keras_electra.files import refuse_link
from keras_electra.runs.files import to_json, writing

try:
    import fcntl
except ImportError:
    fcntl = None
    import msvcrt

SAME_START_SECONDS = 1.0
# Windows forbids reading a locked byte, and the first bytes name the owner.
WINDOWS_LOCKED_BYTE = 1 << 20


def host_name() -> str:
    """The name of this machine."""
    return socket.gethostname()


def is_alive(pid: int, start_time: float | None) -> bool:
    """Whether process `pid` of this machine runs and is the one that started at `start_time`.

    The number alone does not tell: systems use the numbers of dead processes again.
    """
    found = start_time_of(pid)
    if found is None:
        return False
    return start_time is None or abs(found - start_time) < SAME_START_SECONDS


def start_time_of(pid: int) -> float | None:
    """When process `pid` started, in seconds on a clock of this machine; None if it is dead.

    The clock counts from the boot on Linux and from 1970 elsewhere: the value is for comparing.
    A process that was killed but not yet collected by its parent counts as dead.
    """
    if os.name == "nt":
        return _start_time_on_windows(pid)
    if pathlib.Path("/proc/self/stat").exists():
        return _start_time_on_linux(pid)
    return _start_time_from_ps(pid)


def memory_bytes() -> tuple[int | None, int | None]:
    """Memory of this process (now, at most so far), without that of an accelerator; None where unknown."""
    try:
        import resource
    except ImportError:
        return None, None
    # Linux counts in kilobytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    try:
        pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None, peak
    now = pages * os.sysconf("SC_PAGE_SIZE")
    return now, max(peak, now)


def _start_time_on_linux(pid: int) -> float | None:
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets and may hold spaces and brackets.
    fields = text.rpartition(")")[2].split()
    if fields[0] in "ZXx":
        return None
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _start_time_from_ps(pid: int) -> float | None:
    command = ["ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)]
    environment = {**os.environ, "LC_ALL": "C"}
    answer = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    state, _, started = answer.stdout.strip().partition(" ")
    if not started or state.startswith("Z"):
        return None
    return time.mktime(time.strptime(started.strip(), "%a %b %d %H:%M:%S %Y"))


def _start_time_on_windows(pid: int) -> float | None:
    import ctypes
    from ctypes import wintypes

    query_limited_information, still_active = 0x1000, 259
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.OpenProcess.restype = wintypes.HANDLE
    handle = wintypes.HANDLE(kernel.OpenProcess(query_limited_information, False, pid))
    if not handle:
        return None
    try:
        code = wintypes.DWORD()
        kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        times = [wintypes.FILETIME() for _ in range(4)]
        kernel.GetProcessTimes(handle, *(ctypes.byref(moment) for moment in times))
    finally:
        kernel.CloseHandle(handle)
    ticks = (times[0].dwHighDateTime << 32) + times[0].dwLowDateTime
    return ticks / 1e7 if code.value == still_active else None


class FolderLock:
    """A lock on a file that one process holds; the system frees it however the process ends.

    The file stays when the lock is freed: deleting it would let two processes lock two files of
    the same name.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self._descriptor = None

    def acquire(self) -> None:
        """Take the lock and write the owner into the file.

        Raises:
            RunInUseError: naming the process and machine that hold it.
        """
        refuse_link(self.path)
        with writing(self.path):
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                if not _try_lock(self._descriptor):
                    raise RunInUseError(in_use_sentence(self.path.parent, self._owner()))
                owner = {"pid": os.getpid(), "host": host_name()}
                os.ftruncate(self._descriptor, 0)
                os.write(self._descriptor, to_json(owner).encode())
            except BaseException:
                self.release()
                raise
        _held.add(self)

    def release(self) -> None:
        """Free the lock."""
        _held.discard(self)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _owner(self) -> dict:
        try:
            owner = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            owner = None
        return owner if isinstance(owner, dict) else {}


def in_use_sentence(path, owner: dict) -> str:
    """Why `path` is refused, given the `pid` and `host` of its owner."""
    pid, host = owner.get("pid", "unknown"), owner.get("host", "unknown")
    return f"run folder {str(path)!r} is in use by process {pid} on host {host!r}"


def _try_lock(descriptor: int) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            os.lseek(descriptor, WINDOWS_LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        # Some network disks have no locks; the caller also looks at the heartbeat.
        return True
    return True


_held: "weakref.WeakSet[FolderLock]" = weakref.WeakSet()


def _close_in_child() -> None:
    # A worker that outlives its killed parent would otherwise keep the folder locked.
    for lock in list(_held):
        with contextlib.suppress(OSError):
            lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
