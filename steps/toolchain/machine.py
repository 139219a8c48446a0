"""What memory this process may use: less than there is, in a container with limits."""

import ctypes
import os
import shutil
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def available_memory(cgroup: Path = CGROUP, meminfo: Path = Path("/proc/meminfo")) -> int:
    """Return the bytes that this process may still take without swapping, or reaching the container's limit.

    Where the system does not tell, half of the memory it has.
    """
    free = [line.split()[1] for line in _read(meminfo).splitlines() if line.startswith("MemAvailable:")]
    available = int(free[0]) * 1024 if free else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    limit, used = _read(cgroup / "memory.max"), _read(cgroup / "memory.current")
    if limit.isdigit() and used.isdigit():
        available = min(available, int(limit) - int(used))
    return max(available, 0)


def shared_memory(folder: Path = Path("/dev/shm")) -> int:  # noqa: S108  (asked how full it is, not written to)
    """Return the free bytes of the memory that processes pass arrays through; containers often have just 64 MiB."""
    return shutil.disk_usage(folder).free if folder.is_dir() else available_memory()


def keep_freed_memory() -> None:
    """Have glibc keep freed memory for the next allocation, where the C library is glibc.

    A training allocates the same large arrays in every step. Given back to the system each time, they come back as
    zeroed pages: up to 7 % of a step, measured at 640 pixels and a batch of 8.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, 1 << 25)  # The largest that glibc takes.
        mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Of malloc.h."""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
