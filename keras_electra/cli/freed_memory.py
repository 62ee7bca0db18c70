"""Memory that one training step frees and the next one asks for again, kept in the process."""

import ctypes
import sys

# glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8


def keep_freed_memory() -> bool:
    """Have glibc keep freed blocks for this process instead of handing them back to the system.

    A block of over 32 MB is given back whenever it is freed, and the system makes every page of it anew,
    filled with zeros, when the next step asks for as much: of JAX's step of `small` (batch 32 x 128, two
    processors) that was 460,000 page faults and a sixth of its processor time. The process stays as large
    as its largest step, which it would be again at the next step anyway.

    Call it before the backend starts its threads, since they share one arena of memory from here on: a
    thread's own arena maps large blocks whatever is asked. For processes that do nothing but compute; a
    server or somebody's notebook had better give back what it does not need.

    Returns:
        Whether it could be asked: of glibc alone, so on Linux.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all([mallopt(M_MMAP_MAX, 0), mallopt(M_TRIM_THRESHOLD, -1), mallopt(M_ARENA_MAX, 1)])
