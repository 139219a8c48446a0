"""How many cores this process may keep busy."""

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available_cores(cgroup: Path = _CGROUP) -> int:
    """Return the cores that this process may use, at least 1.

    In a pod with a CPU limit the machine shows all its cores, and as many threads would only be throttled: the limit
    counts, rounded up.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroup)
    return max(1, min(cores, quota) if quota else cores)


def _quota(cgroup: Path) -> int | None:
    """Read the CPU limit of cgroup v2, or v1; None where there is none."""
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            limit, period = " ".join((cgroup / name).read_text() for name in names).split()
        except (OSError, ValueError):
            continue
        if limit.isdigit() and int(limit):
            return -(-int(limit) // int(period))
    return None
