"""Pictures for requests."""

import io

import numpy as np
from PIL import Image

ORIENTATION = 0x0112


def picture(
    width: int, height: int, *, kind: str = "JPEG", mode: str = "RGB", orientation: int = 1, noise: int = 1
) -> bytes:
    """Encode a nearly white picture; `noise` is the number of grey levels in it."""
    values = 256 - noise + np.random.default_rng(0).integers(0, noise, (height, width, 3))
    image = Image.fromarray(values.astype(np.uint8)).convert("RGB").convert(mode)
    if mode == "CMYK":
        image = Image.new(mode, (width, height), (0, 0, 0, 0))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    sink = io.BytesIO()
    image.save(sink, kind, **({} if kind == "BMP" else {"exif": exif}))
    return sink.getvalue()
