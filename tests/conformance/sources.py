"""Data sets for runs of the project's own workflow: a drawn one, one with odd names, and some that are none."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from steps.store import open_store

CLASSES = ("plane", "helicopter")
ODD_CLASSES = ("Flugzeug ü", 'it\'s "2" 直升机')


def upload_all(folder: Path, url: str) -> None:
    """Make every source in `folder` and put it under `url`."""
    planes = folder / "planes.zip"
    draw(planes)
    for name, make in MAKERS.items():
        make(planes, folder / name)
        open_store(url).upload(folder / name, name)
    open_store(url).upload(planes, planes.name)


def draw(target: Path, images: int = 40) -> None:
    """Draw pictures of 64 pixels."""
    work = target.with_suffix(".work")
    work.mkdir()
    command = [sys.executable, "-m", "steps", "draw", f"--images={images}", "--width=64", "--height=64"]
    subprocess.run(command, env={**os.environ, "STEP_WORK": str(work)}, check=True, capture_output=True, timeout=120)
    (work / "out" / "archive").rename(target)


def make_odd(planes: Path, target: Path) -> None:
    """Write the pictures of `planes` again, with names of files and classes that people do give."""
    with zipfile.ZipFile(planes) as source, zipfile.ZipFile(target, "w") as odd:
        for number, entry in enumerate(sorted(source.namelist())):
            content = source.read(entry)
            folder, _, name = entry.rpartition("/")
            if entry.endswith("data.yaml"):
                text = content.decode()
                for plain, strange in zip(CLASSES, ODD_CLASSES, strict=True):
                    text = text.replace(plain, '"' + strange.replace('"', '\\"') + '"')
                content = text.encode()
            elif name:
                stem, _, suffix = name.rpartition(".")
                entry = f"{folder}/É {stem} (it's #1) & 'so' {'日' * 10}.{suffix}"  # noqa: PLW2901
            if name:
                odd.writestr(zipfile.ZipInfo(entry, (2026, 1, 1, 0, 0, number % 60)), content)


def make_broken(planes: Path, target: Path) -> None:
    """Write half of a zip."""
    content = planes.read_bytes()
    target.write_bytes(content[: len(content) // 2])


def make_empty(planes: Path, target: Path) -> None:
    """Write a zip without a single picture."""
    with zipfile.ZipFile(target, "w") as empty:
        empty.writestr("images/readme.txt", "nothing here yet")


ODD_NAME = "É it's & (1) 日.zip"
MAKERS: dict[str, Callable[[Path, Path], None]] = {
    ODD_NAME: make_odd,
    "broken.zip": make_broken,
    "empty.zip": make_empty,
}
