"""Look at one picture: can every later reader read it as it is, can it be converted, or must it be put aside?

Kept byte for byte: upright 8-bit JPEG in grey or colour, and PNG without transparency. Converted: all else that
Pillow reads. What was JPEG stays JPEG, at quality 95 without chroma subsampling; everything else becomes PNG.
Transparency is laid on white, as labelling tools show it; of several frames the first stays. 16 bits lose the lower 8; where
the upper ones are not used, as by cameras of 10, 12 or 14 bits, the picture is stretched by its own range instead.
"""

import io
import re
import warnings
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, NoReturn, cast

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from steps.dataset.issues import FOUND_LIMIT, Rejection
from steps.dataset.label_text import LFS_MARK, LFS_POINTER
from steps.ingest.fingerprint import LEAST_DRAFT, fingerprint

Image.MAX_IMAGE_PIXELS = None  # Our own cap is checked before anything is decoded, and quarantines instead of warning.

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "PPM")
"""Decoders that may see the bytes; others, PostScript's for one, start programs. JPEG's reads MPO too."""

EXTENSIONS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "MPO": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
}

SHORTEST_SIDE = 10
"""Pixels; ultralytics takes no picture with a shorter side."""

ORIENTATION = 0x0112
JPEG_END = b"\xff\xd9"
PNG_DEPTH_AT = 24

OTHER_ORDER = {"RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B"}
"""How Pillow takes the upper byte of samples of 16 bits, and what takes the lower one: the other order of bytes."""

TEXT_LINK = re.compile(rb"(?:\.{1,2}/)+[ -~]{1,1000}")
"""Path of another file."""

MARKS = {
    b"GIF8": "GIF",
    b"%PDF": "PDF",
    b"8BPS": "Photoshop",
    b"\x00\x00\x00\x0cjP": "JPEG 2000",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that can be used.

    Attributes:
        width: Of the upright picture, pixels.
        height: Of the upright picture, pixels.
        orientation: EXIF orientation, 1 to 8, that it had.
        suffix: Extension that fits its content.
        data: Bytes to write; those that were looked at, where nothing had to be done.
        changes: What was done: code of `issues.TREATMENTS`, and what was found.
        phash: See `records.ImageRecord`.
    """

    width: int
    height: int
    orientation: int
    suffix: str
    data: bytes
    changes: tuple[tuple[str, str], ...]
    phash: str


def look_at(data: bytes, name: str, max_pixels: int, *, hashed: bool = False) -> Picture:
    """Check and, where needed, convert the picture in `data`, a file called `name`; `hashed` if it is to have a hash.

    Raises:
        Rejection: If it cannot be used.
    """
    if not data:
        raise Rejection("image_empty")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata.
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                return _checked(image, data, name, max_pixels, hashed=hashed)
        except Rejection:
            raise
        except UnidentifiedImageError:
            _refuse_unknown(data)
        except Exception as error:  # noqa: BLE001  (decoders raise anything on broken bytes)
            text = " ".join(str(error).split())[:FOUND_LIMIT]
            raise Rejection("image_truncated" if "truncated" in text.lower() else "image_unreadable", text) from None


def _checked(image: Image.Image, data: bytes, name: str, max_pixels: int, *, hashed: bool) -> Picture:
    width, height = image.size
    if width * height > max_pixels:
        raise Rejection("image_too_large", f"{width}x{height}")
    if min(width, height) < SHORTEST_SIDE:
        raise Rejection("image_too_small", f"{width}x{height}")
    kind = image.format or ""
    changes = []
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in EXTENSIONS[kind]:
        changes.append(("wrong_extension", f"{kind} named {suffix}"))
    raw = _raw_mode(image)  # To ask for EXIF decodes a PNG.
    orientation = orientation_of(image)
    if orientation == 1 and _is_plain(image, data):
        _decode(image)
        if kind != "PNG" and not data.endswith(JPEG_END):
            data += JPEG_END  # Ultralytics would decode and write the file anew, in place.
            changes.append(("end_marker_added", ""))
        phash = fingerprint(image) if hashed else ""
        return Picture(width, height, 1, ".png" if kind == "PNG" else ".jpg", data, tuple(changes), phash)
    if getattr(image, "n_frames", 1) > 1 and kind != "MPO":
        changes.append(("first_frame_kept", f"{kind} of {getattr(image, 'n_frames', 1)} frames"))
        image.seek(0)
    described = f"{_depth(image, data)}{image.mode} {kind}"
    if orientation != 1:
        changes.append(("exif_upright", f"orientation {orientation}"))
    upright = ImageOps.exif_transpose(image)
    plain = _plain(_stretched(upright, data) if raw in OTHER_ORDER else upright, kind)
    suffix = ".jpg" if kind in ("JPEG", "MPO") else ".png"
    if orientation == 1 or plain is not upright:
        changes.append(("converted", f"{described} to {plain.mode} {suffix}"))
    phash = fingerprint(plain) if hashed else ""
    return Picture(*plain.size, orientation, suffix, _encoded(plain, suffix), tuple(changes), phash)


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation of `image`, 1 to 8; 1 where there is none, or none that can be read."""
    try:
        orientation = image.getexif().get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001  (anything may come of broken metadata, and the picture may be fine)
        return 1
    return int(orientation) if orientation in range(1, 9) else 1


def _is_plain(image: Image.Image, data: bytes) -> bool:
    if image.format in ("JPEG", "MPO"):
        return image.mode in ("L", "RGB")
    return (
        image.format == "PNG"
        and image.mode in ("1", "L", "P", "RGB")
        and "transparency" not in image.info
        and data[PNG_DEPTH_AT] <= 8
        and getattr(image, "n_frames", 1) == 1
    )


def _decode(image: Image.Image) -> None:
    """Decode all of the picture's data, so that a broken one shows.

    Of a JPEG every bit is decoded; the inverse transform that follows cannot fail, and is done at an eighth of the size,
    or as much larger as the perceptual hash wants it.
    """
    if image.format == "JPEG":
        image.draft("L", (LEAST_DRAFT, LEAST_DRAFT))
    image.load()


def _depth(image: Image.Image, data: bytes) -> str:
    deep = image.mode.startswith("I") or (image.format == "PNG" and data[PNG_DEPTH_AT] == 16)
    return "16-bit " if deep else ""


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return a picture of 16 bits with 8: the upper ones, or its own range where it does not use the highest bit."""
    low, high = cast("tuple[int, int]", image.getextrema())
    if high >= 1 << 15:
        low, high = 0, (1 << 16) - 256
    scale = 255 / max(high - low, 1)
    return image.point(lambda value: (value - low) * scale).convert("L")


def _raw_mode(image: Image.Image) -> str:
    """Return how Pillow will take the samples of `image`, which is not decoded yet, from the file."""
    tiles = cast("ImageFile.ImageFile", image).tile
    arguments = tiles[0].args if tiles else ""
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def _stretched(upright: Image.Image, data: bytes) -> Image.Image:
    """Return a colour picture of 16 bits, of which Pillow keeps the upper 8, as `_eight_bits` does grey ones."""
    upper = np.asarray(upright).astype(np.float32)
    if upper.max() >= 1 << 7:
        return upright
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        image.tile = [tile._replace(args=_swapped(tile.args)) for tile in image.tile]
        values = upper * 256 + np.asarray(ImageOps.exif_transpose(image))
    low, high = values.min(), values.max()
    return Image.fromarray(((values - low) * (255 / max(high - low, 1))).astype(np.uint8))


def _swapped(arguments: tuple[Any, ...] | str | None) -> tuple[Any, ...] | str:
    if isinstance(arguments, tuple):
        return OTHER_ORDER[arguments[0]], *arguments[1:]
    return OTHER_ORDER[str(arguments)]


def _plain(image: Image.Image, kind: str) -> Image.Image:
    """Return `image`, a file of `kind`, in grey or colour, 8 bits a channel, nothing transparent."""
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16") or (image.mode == "I" and kind == "PPM"):  # No PGM has more than 16 bits.
        return _eight_bits(image.convert("I"))
    if image.mode in ("I", "F"):
        raise Rejection("image_kind", f"{kind} with 32-bit {'floats' if image.mode == 'F' else 'integers'} as pixels")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("L" if image.mode == "1" else "RGB")


def _encoded(image: Image.Image, suffix: str) -> bytes:
    file = io.BytesIO()
    image.info = {}  # No profile, no EXIF: nothing that turns or recolours it again.
    if suffix == ".jpg":
        image.save(file, "JPEG", quality=95, subsampling=0)
    else:
        image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _refuse_unknown(data: bytes) -> NoReturn:
    head = data[:64].lstrip().lower()
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<")):
        raise Rejection("image_unreadable", "an HTML or XML page")
    kind = next((name for mark, name in MARKS.items() if data.startswith(mark)), "")
    if data[4:8] == b"ftyp":
        kind = "HEIC or AVIF"
    if kind:
        raise Rejection("image_kind", kind)
    if data.startswith(LFS_MARK):
        raise Rejection("image_unreadable", LFS_POINTER)
    if TEXT_LINK.fullmatch(data):
        raise Rejection(
            "image_unreadable", f"a link to {data.decode()!r} that was stored as text, as git does without links"
        )
    raise Rejection("image_unreadable", f"begins with {data[:12]!r}")
