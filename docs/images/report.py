"""Make `report.png` anew, for the README: `python docs/images/report.py .argosight/runs/RUN/report/report.html`."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw, ImageFilter

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.browser import Browser

DESKTOP, PHONE, HEIGHT, MARGIN = 1280, 390, 1512, 36
GROUND, SHADOW = "#d9dee7", "#1a2233"
LEARNING = "document.querySelector('#learning .charts').getBoundingClientRect().top + scrollY - 24"
EXAMPLES = "document.querySelector('#examples').getBoundingClientRect().top + scrollY - 14"


def main(page: Path) -> None:
    """Show the top of the page on a desktop; learning curves (dark) and predictions on a phone."""
    half = (HEIGHT - MARGIN) // 2
    with Browser() as browser, TemporaryDirectory() as folder:

        def look(width: int, height: int, top: str, *, dark: bool = False) -> Image.Image:
            browser.open(page, width=width, dark=dark)
            browser.screenshot(Path(folder) / "page.png", whole=True)
            start = int(browser.evaluate(top))
            with Image.open(Path(folder) / "page.png") as picture:
                return picture.convert("RGB").crop((0, start, width, start + height))

        right = 2 * MARGIN + DESKTOP
        pictures = (
            (look(DESKTOP, HEIGHT, "0"), (MARGIN, MARGIN)),
            (look(PHONE, half, LEARNING, dark=True), (right, MARGIN)),
            (look(PHONE, half, EXAMPLES), (right, HEIGHT + MARGIN - half)),
        )
    canvas = Image.new("RGB", (right + PHONE + MARGIN, HEIGHT + 2 * MARGIN), GROUND)
    for picture, place in pictures:
        mask = Image.new("L", picture.size)
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, picture.width - 1, picture.height - 1), 18, fill=255)
        shade = Image.new("L", canvas.size)
        shade.paste(mask.point(lambda value: value * 0.22), (place[0], place[1] + 10))
        canvas.paste(Image.new("RGB", canvas.size, SHADOW), (0, 0), shade.filter(ImageFilter.GaussianBlur(18)))
        canvas.paste(picture, place, mask)
    colours = canvas.quantize(256, Image.Quantize.MEDIANCUT)
    colours.save(Path(__file__).with_suffix(".png"), optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
