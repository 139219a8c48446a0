"""Checks of this machine: can it run workflows itself, and talk to a cluster?"""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

from workflows.cluster.finding import Finding, absent, good, unknown, wrong

PYTHON: Final = (3, 11)
FREE_GIB: Final = 5
MEMORY_GIB: Final = 4
EXTRAS: Final = {
    "": "steps",
    "train": "training",
    "serve": "serving",
    "workflows": "releases",
}
GIB: Final = 1 << 30
REQUIREMENT: Final = re.compile(r"^([\w.-]+)[^;]*(?:;.*extra == ['\"]([\w-]+)['\"])?")


def check_laptop(home: Path) -> Iterator[Finding]:
    """Look at Python, packages, cores, memory, the disk under `home`, and the commands for a cluster."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= PYTHON:
        yield good("Python", version)
    else:
        yield wrong("Python", version, "3.11 or newer is needed: make setup PYTHON=/path/to/python3.11")
    yield from _packages()
    yield good("cores", str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()))
    yield _memory()
    yield _disk(home)
    for command, use, where in (
        ("kubectl", "bootstrap needs it", "https://kubernetes.io/docs/tasks/tools"),
        ("argo", "optional: argosight submit does without it", "https://github.com/argoproj/argo-workflows/releases"),
    ):
        found = shutil.which(command)
        yield good(command, found) if found else absent(command, f"not on the PATH; {use}", where)


def _packages() -> Iterator[Finding]:
    try:
        requirements = metadata.requires("argosight") or []
    except metadata.PackageNotFoundError:
        yield wrong("argosight", "not installed in this Python", "make setup, then use .venv/bin/argosight")
        return
    yield good("argosight", metadata.version("argosight"))
    missing: dict[str, list[str]] = {extra: [] for extra in EXTRAS}
    for requirement in requirements:
        found = REQUIREMENT.match(requirement)
        name, extra = (found[1], found[2] or "") if found else ("", "")
        if extra in missing and not _is_installed(name):
            missing[extra].append(name)
    for extra, use in EXTRAS.items():
        title = f"packages for {use}"
        if not missing[extra]:
            yield good(title, "all there")
        elif extra:
            yield absent(title, f"without {', '.join(missing[extra])}", f"pip install 'argosight[{extra}]'")
        else:
            yield wrong(title, f"without {', '.join(missing[extra])}", "make setup")


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _memory() -> Finding:
    try:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return unknown("memory", "this system does not say")
    amount = pages * size / GIB
    if amount >= MEMORY_GIB:
        return good("memory", f"{amount:.0f} GiB")
    return wrong("memory", f"{amount:.1f} GiB", f"training needs {MEMORY_GIB} GiB; run it on a cluster")


def _disk(home: Path) -> Finding:
    place = next(folder for folder in (home.absolute(), *home.absolute().parents) if folder.exists())
    if not os.access(place, os.W_OK):
        return wrong("disk", f"{place} cannot be written to", "set ARGOSIGHT_HOME to a folder of yours")
    free = shutil.disk_usage(place).free / GIB
    if free >= FREE_GIB:
        return good("disk", f"{free:.0f} GiB free for {home}")
    return wrong(
        "disk", f"{free:.1f} GiB free for {home}", f"make {FREE_GIB} GiB free, or set ARGOSIGHT_HOME elsewhere"
    )
