"""Videos for requests."""

import io
from fractions import Fraction
from typing import Any

import av
import numpy as np


def video(
    *, frames: int = 10, size: tuple[int, int] = (64, 48), kind: str = "mp4", codec: str = "libx264", fps: int = 10
) -> bytes:
    """Encode white frames, the left half of each darker."""
    sink = io.BytesIO()
    with av.open(sink, "w", format=kind) as container:
        stream: Any = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, fps)
        picture = np.full((size[1], size[0], 3), 255, np.uint8)
        picture[:, : size[0] // 2] = 200
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return sink.getvalue()


def turned(content: bytes) -> bytes:
    """Return an MP4 that says, as a telephone's does, that it is to be shown turned by 90° clockwise."""
    plain, quarter = ((1, 0, 0, 0, 1, 0, 0, 0), (0, 1, 0, -1, 0, 0, 0, 0))
    at = content.index(b"tkhd")
    old, new = (
        b"".join((part * 65536).to_bytes(4, "big", signed=True) for part in matrix) for matrix in (plain, quarter)
    )
    head, tail = content[:at], content[at:]
    return head + tail.replace(old, new, 1)
