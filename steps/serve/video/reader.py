"""A process that decodes one video and writes its frames to stdout: a broken file can take down only this.

Run as `python -m steps.serve.video.reader PATH MAX_PIXELS MAX_SECONDS STRIDE CPU_SECONDS`. First comes a line of JSON, `Head` or
`{"error"}`. Then, for each frame, the byte `F`, its time in seconds (float64, little endian), and its pixels (blue, green,
red). Last the byte `E` and a line of JSON, `Tail`.
"""

import json
import os
import resource
import struct
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import av
import numpy as np

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"
"""What FFmpeg may take the file for. Playlists, which name other files and addresses, are not among them."""

MEMORY_BYTES = 4 * 2**30
MOST_FPS = 240
MOST_FAULTS = 100
"""Packets that may be damaged before the rest of the file is given up."""


def main() -> int:
    """Decode the file that the arguments name."""
    path, (pixels, seconds, stride, cpu_s) = sys.argv[1], map(float, sys.argv[2:6])
    _confine(int(cpu_s))
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    try:
        container = av.open(
            path, options={"protocol_whitelist": "file", "format_whitelist": FORMATS, "probesize": "10000000"}
        )
        if not container.streams.video:
            return _end(out, {"error": "it has no picture track"})
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        return _write(out, container, stream, pixels=int(pixels), seconds=seconds, stride=int(stride))
    except (av.FFmpegError, ValueError, OverflowError) as error:
        return _end(out, {"error": f"it does not decode: {type(error).__name__}"})
    except BrokenPipeError:
        return 1


def _write(out: BinaryIO, container: Any, stream: Any, *, pixels: int, seconds: float, stride: int) -> int:
    size: tuple[int, int] | None = None
    start: float | None = None
    last, count, truncated, faults = -1.0, 0, False, [0]
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    for number, frame in enumerate(_decoded(container, stream, faults)):
        time_s = frame.time if frame.time is not None else number / rate
        start = time_s if start is None else start
        time_s -= start
        if time_s > seconds or number > MOST_FPS * seconds:
            truncated = True
            break
        if number % stride:
            continue
        if frame.width * frame.height > pixels:
            return _end(out, {"error": f"its frames have {frame.width} × {frame.height} pixels, more than {pixels}"})
        picture = _upright(frame)
        if size is None:
            size = (picture.shape[1], picture.shape[0])
            length = float(container.duration / av.time_base) if container.duration else 0.0
            expected = int(stream.frames or length * rate)
            expected = min(expected, int(seconds * rate) + 1) // stride
            head = {"width": size[0], "height": size[1], "fps": min(max(rate, 1), MOST_FPS), "frames": expected}
            out.write(json.dumps(head).encode() + b"\n")
        elif (picture.shape[1], picture.shape[0]) != size:
            truncated = True
            break
        last = max(time_s, last + 0.0001)
        out.write(b"F" + struct.pack("<d", last))
        out.write(picture.tobytes())
        out.flush()
        count += 1
    if not count:
        return _end(out, {"error": "it has no frame that decodes"})
    out.write(b"E")
    return _end(out, {"truncated": truncated, "faults": faults[0]})


def _decoded(container: Any, stream: Any, faults: list[int]) -> Iterator[Any]:
    packets = container.demux(stream)
    while faults[0] <= MOST_FAULTS:
        try:
            packet = next(packets)
            yield from packet.decode()
        except StopIteration:
            return
        except (av.FFmpegError, ValueError):
            faults[0] += 1


def _upright(frame: Any) -> Any:
    picture = frame.to_ndarray(format="bgr24")
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture


def _end(out: BinaryIO, document: dict[str, Any]) -> int:
    out.write(json.dumps(document).encode() + b"\n")
    out.flush()
    return 0


def _confine(cpu_s: int) -> None:
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    av.logging.set_level(None)


if __name__ == "__main__":
    sys.exit(main())
