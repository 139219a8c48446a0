"""Pictures for requests."""

import io

from PIL import Image

ORIENTATION = 0x0112


def picture(width: int, height: int, *, kind: str = "JPEG", mode: str = "RGB", orientation: int = 1) -> bytes:
    """Encode a white picture."""
    image = Image.new("RGB", (width, height), "white").convert(mode)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    sink = io.BytesIO()
    image.save(sink, kind, **({} if kind == "BMP" else {"exif": exif}))
    return sink.getvalue()
