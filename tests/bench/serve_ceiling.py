"""Arm (a): the same work in a loop, in one process, without HTTP. Nothing that serves can be faster.

Reads a number of pictures a line from stdin, and answers each with a line of JSON: milliseconds by picture, and the
seconds of processor time.
"""

import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from steps.runtime import Detector
from tests.bench.serve_answer import rows


def main() -> None:
    """Answer until stdin ends."""
    cv2.setNumThreads(1)
    detector = Detector.load(Path(sys.argv[1]))
    contents = [Path(path).read_bytes() for path in sys.argv[2:]]
    at = 0
    for line in sys.stdin:
        times, cpu = [], time.process_time()
        for _ in range(int(line)):
            began = time.perf_counter()
            image = cv2.imdecode(np.frombuffer(contents[at % len(contents)], np.uint8), cv2.IMREAD_COLOR)
            json.dumps(rows(detector.detect(np.asarray(image, np.uint8))))
            times.append(1000 * (time.perf_counter() - began))
            at += 1
        print(json.dumps({"ms": times, "cpu_s": time.process_time() - cpu}), flush=True)


if __name__ == "__main__":
    main()
