"""Pictures as data URIs, within a budget: the page stays small however large its pictures came."""

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from steps.report.documents import DamagedError, Notes

BUDGET = 1_900_000
"""Bytes of all pictures of a page; as base64 they take a third more."""
QUALITY = 82
MOST_PIXELS = 50_000_000

WEB_FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture inside the page.

    Attributes:
        uri: Its data URI.
        width: Pixels.
        height: Pixels.
        text: What it shows, for those who do not see it.
        caption: Name or title under it.
        detail: A second, smaller line under it, or an empty text.
    """

    uri: str
    width: int
    height: int
    text: str
    caption: str = ""
    detail: str = ""


@dataclass(slots=True)
class Album:
    """Hands out pictures until the page's budget is spent.

    Attributes:
        notes: Where pictures that cannot be shown are noted.
        left: Bytes that may still be spent.
    """

    notes: Notes
    left: int = BUDGET
    omitted: int = field(default=0, init=False)
    """Pictures left out because the budget was spent."""

    def add(
        self, folder: Path, name: str, *, side: int, weight: int, text: str, caption: str = "", detail: str = ""
    ) -> Picture | None:
        """Return the picture `name` in `folder`; None where it is damaged or the budget is spent.

        It is made smaller where it is longer than `side` pixels or heavier than `weight` bytes. Names that lead out of
        the folder are refused.
        """
        try:
            content, media, (width, height) = _load(folder, name, side, weight)
        except DamagedError as error:
            self.notes.add(str(error))
            return None
        if len(content) > self.left:
            self.omitted += 1
            return None
        self.left -= len(content)
        uri = f"data:{media};base64,{base64.b64encode(content).decode()}"
        return Picture(uri, width, height, text, caption, detail)


def _load(folder: Path, name: str, side: int, weight: int) -> tuple[bytes, str, tuple[int, int]]:
    try:
        path = _inside(folder, name)
        with Image.open(path, formats=["JPEG", "PNG", "WEBP", "BMP"]) as image:
            _check_size(image, name)
            size, media = image.size, WEB_FORMATS.get(image.format or "")
            fits = media and max(size) <= side and path.stat().st_size <= weight and not image.getexif()
            image.load()
            return (path.read_bytes(), media, size) if media and fits else _smaller(image, side)
    except DamagedError:
        raise
    except Exception:  # noqa: BLE001  (decoders raise of every kind, and no picture is worth the page)
        raise DamagedError(f"the picture {name!r} is damaged and cannot be shown") from None


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    if not name or not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise DamagedError(f"the picture {name!r} is missing")
    return path


def _check_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise DamagedError(f"the picture {name!r} has {image.width} × {image.height} pixels: too many to show")


def _smaller(image: Image.Image, side: int) -> tuple[bytes, str, tuple[int, int]]:
    small = image.convert("RGB")
    small.thumbnail((side, side))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return buffer.getvalue(), "image/jpeg", small.size
