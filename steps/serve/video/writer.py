"""A process that encodes frames from stdin as MP4, H.264, which every browser plays.

Run as `python -m steps.serve.video.writer PATH WIDTH HEIGHT FPS`. Frames come as the reader sends them, without the `F`.
"""

import os
import struct
import sys
from fractions import Fraction

import av
import numpy as np

TICKS = 90_000
"""A second, in the file's time."""


def main() -> int:
    """Encode until stdin ends."""
    os.nice(5)
    path, width, height, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    source = sys.stdin.buffer
    with av.open(path, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(rate).limit_denominator(1001), options={"preset": "veryfast", "crf": "23"}
        )
        # The codec halves colour, so it wants even sides; frames of odd ones are scaled by that pixel.
        stream.width, stream.height, stream.pix_fmt = max(2, width & ~1), max(2, height & ~1), "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS)
        while len(head := source.read(8)) == 8:
            content = source.read(width * height * 3)
            if len(content) < width * height * 3:
                break
            picture = np.frombuffer(content, np.uint8).reshape(height, width, 3)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = round(struct.unpack("<d", head)[0] * TICKS), Fraction(1, TICKS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return 0


if __name__ == "__main__":
    sys.exit(main())
