"""This process's ends of the reader and the writer."""

import json
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from steps.serve.limits import Limits
from steps.serve.service import Picture

GRACE_S = 10
"""Seconds after the time limit, in which a frame that is in work may end."""


class VideoError(Exception):
    """The video cannot be worked on; the message says why."""


@dataclass(slots=True)
class FrameSource:
    """Frames of a video, in order.

    Attributes:
        width: Pixels.
        height: Pixels.
        fps: Frames a second, before any are left out.
        expected: Frames that will come, by what the file says; 0 where it says nothing.
        truncated: Whether the video went on after the last frame, once that is known.
    """

    width: int
    height: int
    fps: float
    expected: int
    process: "subprocess.Popen[bytes]"
    truncated: bool = False

    def frames(self) -> Iterator[tuple[float, Picture]]:
        """Yield the time in seconds and the pixels of each frame.

        Raises:
            VideoError: If the process that decodes it ended before the video.
        """
        out = _stream(self.process.stdout)
        size = self.width * self.height * 3
        while (kind := out.read(1)) == b"F":
            time_s = struct.unpack("<d", out.read(8))[0]
            content = out.read(size)
            if len(content) < size:
                raise VideoError("it broke off")
            yield time_s, np.frombuffer(content, np.uint8).reshape(self.height, self.width, 3)
        tail = _line(out) if kind == b"E" else {"error": "the decoder gave up"}
        if "error" in tail:
            raise VideoError(tail["error"])
        self.truncated = bool(tail["truncated"])


@contextmanager
def frame_source(
    path: Path, limits: Limits, stride: int, started: Callable[[Callable[[], None]], None]
) -> Iterator[FrameSource]:
    """Decode the video at `path` in a process, which ends with the block, or a little after the time limit.

    `started` is given what ends the process early, from any thread.

    Raises:
        VideoError: If there is no video in the file, or its frames are too large.
    """
    numbers = (limits.pixels, limits.video_seconds, stride, int(limits.video_timeout_s))
    command = [sys.executable, "-m", "steps.serve.video.reader", str(path), *map(str, numbers)]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    started(process.kill)
    watch = threading.Timer(limits.video_timeout_s + GRACE_S, process.kill)
    watch.daemon = True
    watch.start()
    try:
        head = _line(_stream(process.stdout))
        if "error" in head:
            raise VideoError(head["error"])
        yield FrameSource(head["width"], head["height"], head["fps"], head["frames"], process)
    finally:
        watch.cancel()
        _stop(process)


@dataclass(slots=True)
class FrameSink:
    """Takes the frames of a video that is written."""

    process: "subprocess.Popen[bytes]"

    def write(self, time_s: float, picture: Picture) -> None:
        """Append a frame.

        Raises:
            VideoError: If the process that encodes it has ended.
        """
        try:
            stream = _stream(self.process.stdin)
            stream.write(struct.pack("<d", time_s))
            stream.write(picture.data)
        except OSError:
            raise VideoError("the encoder gave up; is the disk full?") from None


@contextmanager
def frame_sink(path: Path, source: FrameSource) -> Iterator[FrameSink]:
    """Encode frames of the size of `source` to `path` in a process; the file is complete when the block has ended well.

    Raises:
        VideoError: If it could not be written.
    """
    numbers = (source.width, source.height, source.fps)
    command = [sys.executable, "-m", "steps.serve.video.writer", str(path), *map(str, numbers)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield FrameSink(process)
        _stream(process.stdin).close()
        if process.wait(timeout=60):
            raise VideoError("the encoder gave up; is the disk full?")
    except (subprocess.TimeoutExpired, BrokenPipeError):
        raise VideoError("the encoder does not finish") from None
    finally:
        _stop(process)


def _line(stream: BinaryIO) -> dict[str, Any]:
    text = stream.readline(10_000)
    if not text.endswith(b"\n"):
        return {"error": "the decoder gave up"}
    document: dict[str, Any] = json.loads(text)
    return document


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream:
            try:
                stream.close()
            except OSError:  # what was buffered has nowhere to go
                continue
    process.wait()


def _stream(stream: Any) -> BinaryIO:
    pipe: BinaryIO = stream
    return pipe
