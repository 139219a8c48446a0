"""Draw what was found. With Pillow, because the client has no OpenCV, and so that every protocol can have it."""

import colorsys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError

from workflows.client.errors import PictureError

QUALITY: Final = 92
_DARK: Final = 140


def save_drawn(source: Path, target: Path, results: Sequence[dict[str, Any]]) -> None:
    """Write the picture `source`, upright and with the boxes of `results`, to `target`, in the format of its suffix.

    Raises:
        PictureError: If this machine cannot read or write it.
    """
    try:
        with Image.open(source) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
        draw_results(picture, results)
        target.parent.mkdir(parents=True, exist_ok=True)
        picture.save(target, quality=QUALITY)
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise PictureError(f"the boxes could not be drawn: {error}", hint=f"is {target.parent} writable?") from None


def draw_results(picture: Image.Image, results: Sequence[dict[str, Any]]) -> None:
    """Draw boxes, names and confidences into `picture`, the strongest last, so that it stays readable."""
    pen = ImageDraw.Draw(picture)
    width = max(1, round(max(picture.size) / 250))
    font = ImageFont.load_default(max(10, max(picture.size) / 45))
    for result in sorted(results, key=lambda one: float(one["confidence"])):
        left, top, right, bottom = (float(result["box"][side]) for side in ("x1", "y1", "x2", "y2"))
        color = _color(int(result["class"]))
        pen.rectangle((left, top, max(left, right), max(top, bottom)), outline=color, width=width)
        text = f"{result['name']} {float(result['confidence']):.2f}"
        plate = pen.textbbox((0, 0), text, font=font)
        high = plate[3] + 2
        at = max(0.0, min(left, picture.width - plate[2] - 2)), top - high if top >= high else top
        pen.rectangle((*at, at[0] + plate[2] + 2, at[1] + high), fill=color)
        dark = sum(weight * value for weight, value in zip((0.299, 0.587, 0.114), color, strict=True)) < _DARK
        pen.text((at[0] + 1, at[1]), text, font=font, fill="white" if dark else "black")


def _color(label: int) -> tuple[int, int, int]:
    """Return the colour of a class, as the server draws it; neighbours in the list of classes are far apart in hue."""
    red, green, blue = colorsys.hsv_to_rgb((0.08 + label * 0.618034) % 1, 0.85, 0.9)
    return round(red * 255), round(green * 255), round(blue * 255)
