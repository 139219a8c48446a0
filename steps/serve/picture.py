"""Bytes from anybody → pixels, after a look at the header; and pixels → JPEG."""

from http import HTTPStatus
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from steps.serve.problem import Problem

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
JPEG_QUALITY = 90


def decode(content: bytes, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a picture to blue, green, red: uint8 [h, w, 3], upright as its EXIF orientation says.

    The format and the number of pixels are read from the header first: a small file can hold a picture that fills the
    memory.

    Raises:
        Problem: 413 for too many pixels, 415 for another format, 422 for a damaged picture.
    """
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        width, height = max_pixels + 1, 1  # Pillow's own limit; it does not say how large the picture is
    except UnidentifiedImageError:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"the {len(content)} bytes are no picture that is understood; they begin with {content[:8]!r}",
            hint=f"send one of: {', '.join(FORMATS)}",
        ) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise _damaged(type(error).__name__) from None
    if width * height > max_pixels:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the picture has more than {max_pixels} pixels",
            hint="scale it down before sending: the model sees it scaled down anyway",
        )
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise _damaged("it does not decode")
    return pixels.astype(np.uint8, copy=False)


def encode(pixels: NDArray[np.uint8]) -> bytes:
    """Encode blue, green, red (uint8 [h, w, 3]) as JPEG."""
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def _damaged(reason: str) -> Problem:
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, f"the picture is damaged: {reason}", hint="send it again, or save it anew"
    )
