"""Bytes from anybody → pixels, after a look at the header; and pixels → JPEG, PNG or WebP."""

import binascii
from collections.abc import Callable, Sequence
from http import HTTPStatus
from io import BytesIO
from typing import Literal
from urllib.parse import unquote

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from steps.serve.limits import Limits
from steps.serve.problem import Problem
from steps.serve.service import Picture

JPEG_QUALITY = 90
WEBP_QUALITY = 90

_URL_SAFE = str.maketrans("-_", "+/")

Encoding = Literal["jpeg", "png", "webp"]
_ENCODERS: dict[Encoding, tuple[str, list[int]]] = {
    "jpeg": (".jpg", [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]),
    "png": (".png", [cv2.IMWRITE_PNG_COMPRESSION, 1]),
    "webp": (".webp", [cv2.IMWRITE_WEBP_QUALITY, WEBP_QUALITY]),
}


class PictureSet:
    """The encoded pictures of one request. Nothing is decoded before all their headers were looked at.

    A small file can hold a picture that fills the memory, and many pictures can do so together.
    """

    def __init__(self, contents: Sequence[bytes], limits: Limits) -> None:
        self._contents, self._limits, self._checked = contents, limits, False
        self._kept: dict[int, Picture] | None = None

    def keep(self) -> None:
        """Keep what gets decoded, to draw on it."""
        self._kept = {}

    def sources(self) -> list[Callable[[], Picture]]:
        """Return one decoder a picture, to be called where waiting hurts nobody; each raises `Problem`."""
        return [lambda at=at: self.decode(at) for at in range(len(self._contents))]  # type: ignore[misc]

    def decode(self, at: int) -> Picture:
        """Decode one picture, upright as its EXIF orientation says.

        Raises:
            Problem: 413 for too many pixels, 415 for another format, 422 for a damaged picture.
        """
        if self._kept and at in self._kept:
            return self._kept[at]
        if not self._checked:
            self._check()
        try:
            pixels = cv2.imdecode(np.frombuffer(self._contents[at], np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:
            pixels = None
        if pixels is None:
            raise self._damaged(at, "it does not decode")
        picture = pixels.astype(np.uint8, copy=False)
        if self._kept is not None:
            self._kept[at] = picture
        return picture

    def _check(self) -> None:
        total = 0
        for at in range(len(self._contents)):
            total += self._count_pixels(at)
            if total > self._limits.pixels:
                whose = "the pictures together have" if len(self._contents) > 1 else "the picture has"
                raise Problem(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    f"{whose} more than {self._limits.pixels} pixels",
                    hint="scale down before sending: the model sees pictures scaled down anyway",
                )
        self._checked = True

    def _count_pixels(self, at: int) -> int:
        content = self._contents[at]
        try:
            with Image.open(BytesIO(content), formats=self._limits.formats) as image:
                if image.format == "PNG" and not chunks_fit(content):
                    raise self._damaged(at, "a chunk is longer than the file")
                return image.width * image.height
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            return self._limits.pixels + 1  # Pillow's own limit; it does not say how large the picture is
        except UnidentifiedImageError:
            raise Problem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"{self._name(at)}: {len(content)} bytes are no picture that is understood; they begin with {content[:8]!r}",
                hint=f"send one of: {', '.join(self._limits.formats)}",
            ) from None
        except (OSError, SyntaxError, ValueError) as error:
            raise self._damaged(at, type(error).__name__) from None

    def _damaged(self, at: int, reason: str) -> Problem:
        detail = f"{self._name(at)} is damaged: {reason}"
        return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, hint="send it again, or save it anew")

    def _name(self, at: int) -> str:
        return f"picture {at + 1} of {len(self._contents)}" if len(self._contents) > 1 else "the picture"


def chunks_fit(png: bytes) -> bool:
    """Tell whether every chunk of a PNG ends within the file.

    OpenCV takes as much memory as a chunk says that it is long, up to 4 GB, before it reads it: 40 bytes suffice.
    """
    at = len(b"\x89PNG\r\n\x1a\n")
    while at + 8 <= len(png):
        length, kind = int.from_bytes(png[at : at + 4], "big"), png[at + 4 : at + 8]
        at += 12 + length
        if at > len(png):
            return False
        if kind == b"IEND":
            break
    return True


def encode(pixels: Picture, encoding: Encoding = "jpeg") -> bytes:
    """Encode blue, green, red (uint8 [h, w, 3]).

    Raises:
        Problem: 422 where the format cannot hold a picture of this size.
    """
    suffix, flags = _ENCODERS[encoding]
    try:
        done, content = cv2.imencode(suffix, pixels, flags)
    except cv2.error:
        done = False
    if not done:
        height, width = pixels.shape[:2]
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"{encoding} cannot hold a picture of {width} × {height} pixels",
            hint="ask for another format, or send a smaller picture",
        )
    return content.tobytes()


def from_base64(text: str, where: str) -> bytes:
    """Return the bytes that `text` spells, with or without `data:image/…;base64,` before them.

    Standard or URL-safe letters, with line breaks (MIME) or without, padded or not: encoders differ in all of these.

    Raises:
        Problem: 422 if it is no base64; `where` names the place.
    """
    if text[:5].lower() == "data:":
        text = unquote(text.partition(",")[2])
    try:
        # At once what most clients send: nothing of it is copied.
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        pass
    try:
        # A space inside a line stays an error: it is what a form makes of an unescaped `+`.
        letters = "".join(line.strip() for line in text.splitlines()).translate(_URL_SAFE).rstrip("=")
        return binascii.a2b_base64(letters + "=" * (-len(letters) % 4), strict_mode=True)
    except ValueError:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"{where}: no base64, it begins with {text[:20]!r}",
            hint="encode the picture's bytes as base64; addresses are not fetched",
        ) from None
