"""Ingest against a bare loop that only decodes the same images on all cores; and its memory as images multiply.

    python -m tests.bench.ingest [--images 5000] [--repeats 3]

Goals, with perceptual hashes: at most 1.3 times the bare loop; the peak memory of all processes together flat from 1,000
images to 5,000. The same without hashes says what these cost.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import psutil

from steps.runtime.cores import available_cores

WIDTH, HEIGHT, QUALITY = 640, 480, 85
DRAWN = 40
"""Pictures that differ in more than a mark; drawing thousands would take longer than the bench."""


def draw(folder: Path, count: int) -> None:
    """Write `count` JPEGs with YOLO labels: photographs' kind of noise and edges, no two files the same."""
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    (folder / "data.yaml").write_text("names: [plane, heli]\n")
    chance = np.random.default_rng(0)
    scenes = []
    for _ in range(DRAWN):
        coarse = chance.integers(0, 255, (12, 16, 3), np.uint8)
        scene = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.int16)
        scenes.append(np.clip(scene + chance.normal(0, 8, scene.shape), 0, 255).astype(np.uint8))
    for number in range(count):
        image = scenes[number % DRAWN].copy()
        cv2.putText(image, str(number), (30, 60), cv2.FONT_HERSHEY_SIMPLEX, 1, (255, 255, 255))
        cv2.imwrite(str(folder / f"images/{number:05}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        rows = [f"{label} {0.2 + 0.1 * label} 0.5 0.2 0.3" for label in (0, 1, 0, 1)]
        rows[2:] = [f"0 0.7 {0.2 + number % 50 / 100:.2f} 0.1 0.1", "1 0.8 0.8 0.1 0.1"]
        (folder / f"labels/{number:05}.txt").write_text("\n".join(rows) + "\n")


def pack(folder: Path, path: Path) -> Path:
    """Zip `folder` as people do."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))
    return path


def decode(batch: list[str]) -> int:
    """Decode some images and throw them away."""
    cv2.setNumThreads(1)
    return sum(cv2.imread(path) is not None for path in batch)


def bare_loop(folder: Path) -> int:
    """Decode every image of `folder` on all cores; return how many there were."""
    paths = [str(path) for path in sorted((folder / "images").iterdir())]
    batches = [paths[start : start + 16] for start in range(0, len(paths), 16)]
    with ProcessPoolExecutor(available_cores()) as pool:
        return sum(pool.map(decode, batches))


def timed(command: list[str], **environment: str) -> tuple[float, int]:
    """Run `command`; return its seconds and the peak memory of its whole process tree in bytes, shared pages once."""
    began = time.perf_counter()
    process = psutil.Popen(
        command, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    peak = 0
    finished = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not finished.wait(0.1):
            peak = max(peak, sum(_memory(process)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, errors = process.communicate()
    seconds = time.perf_counter() - began
    finished.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{command} failed with exit code {process.returncode}:\n{errors}")
    return seconds, peak


def _memory(process: psutil.Process) -> Iterator[int]:
    try:
        for each in [process, *process.children(recursive=True)]:
            yield each.memory_full_info().pss
    except psutil.Error:
        return


def main() -> None:
    """Draw, run both in turns, and print the medians; the ratio is taken turn by turn, as the machine may be shared."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--smoke", action="store_true", help="100 images, one turn: does the script still run")
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.smoke:
        options.images, options.repeats = 100, 1
    if options.bare:
        bare_loop(options.bare)
        return
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        sources = {}
        for count in (options.images // 5, options.images):
            draw(place / f"set-{count}", count)
            sources[count] = pack(place / f"set-{count}", place / f"set-{count}.zip")
        folder = place / f"set-{options.images}"
        bare, zipped, unzipped, unhashed = [], [], [], []
        for _ in range(options.repeats):
            bare.append(timed([sys.executable, "-m", "tests.bench.ingest", "--bare", str(folder)])[0])
            zipped.append(_ingest(sources[options.images], place)[0])
            unzipped.append(_ingest(folder, place)[0])
            unhashed.append(_ingest(folder, place, "--near-duplicates=off")[0])
        size = sum(path.stat().st_size for path in (folder / "images").iterdir()) / options.images
        print(f"{options.images} JPEGs of {WIDTH}x{HEIGHT}, {size / 1000:.0f} kB each, {available_cores()} cores")
        print(f"bare decoding loop     {median(bare):6.2f} s")
        for name, seconds in (("zip", zipped), ("folder", unzipped)):
            ratio = median(ours / theirs for ours, theirs in zip(seconds, bare, strict=True))
            print(f"ingest from a {name:<7} {median(seconds):6.2f} s   ratio {ratio:.2f} (goal 1.30)")
        ratio = median(on / off for on, off in zip(unzipped, unhashed, strict=True))
        print(f"  without hashes       {median(unhashed):6.2f} s   with them {ratio:.2f} times as long")
        for count, source in sources.items():
            print(f"peak memory, {count:>6} images: {_ingest(source, place)[1] / 1e6:6.0f} MB over all processes")


def _ingest(source: Path, place: Path, *flags: str) -> tuple[float, int]:
    command = [sys.executable, "-m", "steps", "ingest", f"--source={source}", *flags]
    return timed(command, STEP_WORK=str(place / "work"))


if __name__ == "__main__":
    main()
