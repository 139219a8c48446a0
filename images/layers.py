"""Part the lock files into one list of packages a layer, so that a layer changes only when its own packages do.

`core` is in every image; `serve` and `train` are what their images have beyond it, `serve-cuda` what that image has
beyond `serve`; `torch` and `cuda`, by far the largest, are apart from the rest of `train` and `serve-cuda`. Runs in
the build, with Python alone: `python layers.py LOCKS OUT`.
"""

import re
import sys
from pathlib import Path

CUDA = re.compile(r"nvidia-[a-z0-9-]+==")
TORCH = re.compile(r"(torch|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)==")


def entries_of(lock: Path) -> list[str]:
    """Return the requirements of a lock file, each with its marker and its hashes."""
    return re.findall(r"^[a-z0-9].*(?:\n[ \t]+.*)*", lock.read_text(encoding="utf-8"), re.MULTILINE)


def layers_of(folder: Path) -> dict[str, list[str]]:
    """Return the requirements of each layer.

    Raises:
        SystemExit: If a package of `core` is locked differently for another image, whose layers would then clash.
    """
    locks = {image: entries_of(folder / f"{image}.txt") for image in ("core", "serve", "serve-cuda", "train")}
    for image in ("serve", "train"):
        if differing := set(locks["core"]) - set(locks[image]):
            names = ", ".join(sorted(entry.split(" ")[0] for entry in differing))
            raise SystemExit(f"{names}: in core.txt, and not the same in {image}.txt\n  hint: make lock")
    serve, train = ([e for e in locks[image] if e not in locks["core"]] for image in ("serve", "train"))
    on_gpu = [entry for entry in locks["serve-cuda"] if _name(entry) not in map(_name, locks["serve"])]
    cuda = [entry for entry in on_gpu if CUDA.match(entry)]
    torch = [entry for entry in train if TORCH.match(entry)]
    return {
        "core": locks["core"],
        "serve": serve,
        "cuda": cuda,
        "serve-cuda": [entry for entry in on_gpu if entry not in cuda],
        "torch": torch,
        "train": [entry for entry in train if entry not in torch],
    }


def _name(entry: str) -> str:
    return entry.partition("==")[0]


if __name__ == "__main__":
    locks, out = map(Path, sys.argv[1:])
    out.mkdir(parents=True)
    for layer, entries in layers_of(locks).items():
        (out / f"{layer}.txt").write_text("\n".join(entries) + "\n", encoding="utf-8")
