"""Processes of this machine: which one it is, whether it is alive, and its memory."""

import os
import pathlib
import socket
import sys

import psutil

SAME_START_SECONDS = 1.0


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
    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return None
        # Linux knows the time since the boot; what psutil makes of it moves when the clock is set.
        return process.create_time() - (psutil.boot_time() if psutil.LINUX else 0.0)
    except (psutil.Error, ValueError, OverflowError):
        return None


def memory_bytes() -> tuple[int, int]:
    """Memory of this process (now, at most so far), without that of an accelerator."""
    memory = psutil.Process().memory_info()
    if os.name == "nt":
        return memory.rss, memory.peak_wset
    import resource

    # Linux counts in kilobytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return memory.rss, max(peak, memory.rss)


def peak_memory_of(pid: int | None) -> int | None:
    """Most bytes of memory that a process of this machine took so far; None where that is not told."""
    # psutil has no such figure of another process on Linux.
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
        (line,) = (line for line in lines if line.startswith("VmHWM:"))
    except (OSError, ValueError):
        return None
    return 1024 * int(line.split()[1])
