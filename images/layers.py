"""Part the lock files into one list of packages a layer, so that a layer changes only when its own packages do.

`core` is in every image; `serve` and `train` are what their images have beyond it; `torch`, by far the largest, is
apart from the rest of `train`. Runs in the build, with Python alone: `python layers.py LOCKS OUT`.
"""

import re
import sys
from pathlib import Path

TORCH = re.compile(r"(torch|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)==")


def entries_of(lock: Path) -> list[str]:
    """Return the requirements of a lock file, each with its marker and its hashes."""
    return re.findall(r"^[a-z0-9].*(?:\n[ \t]+.*)*", lock.read_text(encoding="utf-8"), re.MULTILINE)


def layers_of(folder: Path) -> dict[str, list[str]]:
    """Return the requirements of each layer.

    Raises:
        SystemExit: If a package of `core` is locked differently for another image, whose layers would then clash.
    """
    locks = {image: entries_of(folder / f"{image}.txt") for image in ("core", "serve", "train")}
    for image in ("serve", "train"):
        if differing := set(locks["core"]) - set(locks[image]):
            names = ", ".join(sorted(entry.split(" ")[0] for entry in differing))
            raise SystemExit(f"{names}: in core.txt, and not the same in {image}.txt\n  hint: make lock")
    serve, train = ([e for e in locks[image] if e not in locks["core"]] for image in ("serve", "train"))
    torch = [entry for entry in train if TORCH.match(entry)]
    rest = [entry for entry in train if entry not in torch]
    return {"core": locks["core"], "serve": serve, "torch": torch, "train": rest}


if __name__ == "__main__":
    locks, out = map(Path, sys.argv[1:])
    out.mkdir(parents=True)
    for layer, entries in layers_of(locks).items():
        (out / f"{layer}.txt").write_text("\n".join(entries) + "\n", encoding="utf-8")
