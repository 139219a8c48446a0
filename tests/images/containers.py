"""Programs run in an image that this machine has, by docker or by buildah, whichever `images/build` builds with."""

import os
import shutil
import subprocess
from pathlib import Path

from steps import __version__

TARGETS = ("core", "serve", "train")
VARIANTS = {"serve-cuda": "serve"}
"""Images with the steps of another, built only when they are named."""
_FRAMEWORKS = ("torch", "torchvision", "ultralytics", "tensorflow", "openvino", "triton", "nvidia")
_TOOLS = ("pytest", "hypothesis", "mypy", "hera", "uv", "pip")
FOREIGN = {"core": _FRAMEWORKS + _TOOLS, "serve": _FRAMEWORKS + _TOOLS, "train": ("tensorflow", *_TOOLS)}
FOREIGN["serve-cuda"] = tuple(name for name in FOREIGN["serve"] if name != "nvidia")
"""Packages that an image must not have."""
PROGRAM = Path(__file__).with_name("inside.py").read_text(encoding="utf-8")


def name_of(target: str) -> str:
    """Return what `images/build` calls the image, by the same variables."""
    return f"{os.environ.get('REGISTRY', 'argosight')}/{target}:{os.environ.get('TAG', __version__)}"


def why_absent(image: str) -> str:
    """Tell why `image` cannot be run here; nothing if it can."""
    if not _docker() and not shutil.which("buildah"):
        return "neither docker nor buildah works here"
    look = ["docker", "image", "inspect", image] if _docker() else ["buildah", "inspect", "--type=image", image]
    return "" if _done(look).returncode == 0 else f"there is no image {image} here; `make images` builds it"


def run_inside(image: str, *words: str, text: str = "", user: str = "") -> "subprocess.CompletedProcess[str]":
    """Run a command in a new container of `image`, which is removed then; `text` is its input."""
    as_user = ["--user", user] if user else []
    if _docker():
        read_only = [] if user else ["--read-only", "--tmpfs=/tmp"]
        return _done(
            ["docker", "run", "--rm", "-i", *read_only, *as_user, "--entrypoint", words[0], image, *words[1:]], text
        )
    container = _done(["buildah", "from", "--pull-never", image]).stdout.strip()
    try:
        isolation = os.environ.get("BUILDAH_ISOLATION", "chroot")
        return _done(["buildah", "run", "--isolation", isolation, *as_user, container, "--", *words], text)
    finally:
        _done(["buildah", "rm", container])


def _docker() -> bool:
    return bool(shutil.which("docker")) and _done(["docker", "info"]).returncode == 0


def _done(command: list[str], text: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=300, check=False)
