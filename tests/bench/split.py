"""Split of many records with perceptual hashes: its time, its memory, and how many pairs of hashes it compares.

    python -m tests.bench.split [--records 100000]

Goals: a few seconds for 100,000 records, of whatever kind; less than one pair in a hundred compared.
"""

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from steps.dataset import Box, DatasetWriter, ImageRecord
from steps.split.near import Hashes, Search
from tests.bench.ingest import timed

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAMES_A_VIDEO = 200


def different(count: int) -> Hashes:
    """Pictures that have nothing to do with one another."""
    return np.random.default_rng(0).integers(0, 2**64, (count, 4), dtype=np.uint64)


def _noise(count: int, bits: int) -> Hashes:
    """Words with about `bits` of 256 bits set."""
    flags: NDArray[np.bool_] = np.random.default_rng(1).random((count, 256)) < bits / 256
    words: Hashes = np.packbits(flags, axis=1).view(">u8").astype(np.uint64)
    return words


def videos(count: int) -> Hashes:
    """Videos, of which each frame differs a little from the one before."""
    steps = _noise(count, 6)
    steps[::FRAMES_A_VIDEO] = different(len(steps[::FRAMES_A_VIDEO]))
    starts = range(0, count, FRAMES_A_VIDEO)
    return np.concatenate([np.bitwise_xor.accumulate(steps[start : start + FRAMES_A_VIDEO]) for start in starts])


def camera(count: int) -> Hashes:
    """Frames of a camera that does not move."""
    return different(1) ^ _noise(count, 10)


KINDS: dict[str, Callable[[int], Hashes]] = {"different": different, "videos": videos, "one camera": camera}


def write(folder: Path, hashes: Hashes) -> Path:
    """Write a data set of records with these hashes, all of which have the same picture."""
    with DatasetWriter(folder, classes=("plane", "heli"), source="bench", source_format="yolo") as writer:
        picture = folder / "picture.jpg"
        cv2.imwrite(str(picture), np.zeros((120, 160, 3), np.uint8))
        for number, words in enumerate(hashes.tolist()):
            name = f"{number:07}.jpg"
            (writer.images / name).symlink_to(picture)
            boxes = tuple(Box(xyxy=(4, 4, 20 + number % 9, 16), label=(number + k) % 2) for k in range(4))
            digest = hashlib.sha256(name.encode()).hexdigest()
            phash = "".join(f"{word:016x}" for word in words)
            writer.add(
                ImageRecord(
                    file=name, width=160, height=120, sha256=digest, source=f"images/{name}", phash=phash, boxes=boxes
                )
            )
    return folder


def main() -> None:
    """Write data sets of every kind, split each with and without a look for copies, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--smoke", action="store_true", help="1,000 records: does the script still run")
    options = parser.parse_args()
    count = 1000 if options.smoke else options.records
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        for name, kind in KINDS.items():
            hashes = kind(count)
            dataset = write(place / name, hashes)
            took = {}
            for choice in ("auto", "off"):
                command = [
                    sys.executable,
                    "-m",
                    "steps",
                    "split",
                    f"--dataset={dataset}",
                    f"--near-duplicates={choice}",
                ]
                took[choice] = timed(command, STEP_WORK=str(place / "work"))
            search = Search(np.unique(hashes, axis=0))
            groups = len(np.unique(search.groups()))
            print(
                f"{count} records, {name:<11} {took['auto'][0]:5.1f} s, {took['auto'][1] / 1e6:4.0f} MB; without a look for "
                f"copies {took['off'][0]:5.1f} s, {took['off'][1] / 1e6:4.0f} MB; {groups} groups, "
                f"{search.compared / 1e6:.2f} million pairs compared, {search.compared / (count**2 / 2):.3%} of all"
            )


if __name__ == "__main__":
    main()
