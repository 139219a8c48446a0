"""Every kind of picture: kept byte for byte, converted, or put aside."""

import hashlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from steps.dataset.issues import Rejection
from steps.ingest.pictures import look_at
from tests.factories_ingest import HEIGHT, WIDTH, picture, take_in, turned, voc

CAP = 1_000_000


def as_opencv_reads(data: bytes) -> Any:
    """The picture as every later step gets it, [h, w, 3]; None where OpenCV cannot read it."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def deep_png(colour_type: int) -> bytes:
    """A 16-bit PNG, grey (0) or colour (2), every sample 0x80FF."""
    samples = {0: 1, 2: 3}[colour_type]
    rows = (b"\0" + b"\x80\xff" * samples * WIDTH) * HEIGHT

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">2I5B", WIDTH, HEIGHT, 16, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def frames(kind: str) -> bytes:
    file = io.BytesIO()
    first, second = (Image.new("RGB", (WIDTH, HEIGHT), colour) for colour in ("red", "blue"))
    first.save(file, kind, save_all=True, append_images=[second])
    return file.getvalue()


FINE = {
    "colour JPEG": (picture(), "a.jpg", ".jpg"),
    "grey JPEG": (picture(mode="L"), "a.JPEG", ".jpg"),
    "progressive JPEG": (picture(progressive=True), "a.jpg", ".jpg"),
    "colour PNG": (picture(kind="PNG"), "a.png", ".png"),
    "palette PNG": (picture(kind="PNG", mode="P"), "a.png", ".png"),
    "black and white PNG": (picture(kind="PNG", mode="1"), "a.png", ".png"),
}


@pytest.mark.parametrize(("data", "name", "suffix"), FINE.values(), ids=FINE.keys())
def test_picture_is_kept_byte_for_byte_when_every_reader_takes_it(data: bytes, name: str, suffix: str) -> None:
    found = look_at(data, name, CAP)
    assert found.data is data
    assert (found.width, found.height, found.suffix, found.changes) == (WIDTH, HEIGHT, suffix, ())


CONVERTED = {
    "CMYK JPEG": (picture(mode="CMYK"), "a.jpg", ".jpg", {"converted"}),
    "RGBA PNG": (picture(mode="RGBA", kind="PNG"), "a.png", ".png", {"converted"}),
    "grey PNG with alpha": (picture(mode="LA", kind="PNG"), "a.png", ".png", {"converted"}),
    "16-bit grey PNG": (deep_png(0), "a.png", ".png", {"converted"}),
    "16-bit colour PNG": (deep_png(2), "a.png", ".png", {"converted"}),
    "16-bit TIFF": (picture(mode="I;16", kind="TIFF"), "a.tif", ".png", {"converted"}),
    "TIFF": (picture(kind="TIFF"), "a.tiff", ".png", {"converted"}),
    "CMYK TIFF": (picture(kind="TIFF", mode="CMYK"), "a.tif", ".png", {"converted"}),
    "TIFF of two pages": (frames("TIFF"), "a.tif", ".png", {"converted", "first_frame_kept"}),
    "BMP": (picture(kind="BMP"), "a.bmp", ".png", {"converted"}),
    "WebP": (picture(kind="WEBP"), "a.webp", ".png", {"converted"}),
    "animated PNG": (frames("PNG"), "a.png", ".png", {"converted", "first_frame_kept"}),
    "PNG named jpg": (picture(kind="PNG"), "a.jpg", ".png", {"wrong_extension"}),
    "JPEG named png": (picture(), "a.png", ".jpg", {"wrong_extension"}),
    "JPEG with a tail": (picture() + b"\0\0", "a.jpg", ".jpg", {"end_marker_added"}),
}


@pytest.mark.parametrize(("data", "name", "suffix", "changes"), CONVERTED.values(), ids=CONVERTED.keys())
def test_picture_is_mended_when_some_reader_would_stumble(
    data: bytes, name: str, suffix: str, changes: set[str]
) -> None:
    found = look_at(data, name, CAP)
    assert {code for code, _ in found.changes} == changes
    assert (found.width, found.height, found.suffix) == (WIDTH, HEIGHT, suffix)
    again = look_at(found.data, f"a{suffix}", CAP)
    assert again.changes == ()
    image = as_opencv_reads(found.data)
    assert image is not None
    assert image.shape == (HEIGHT, WIDTH, 3)


def test_sixteen_bits_keep_their_upper_eight_when_converted() -> None:
    for colour_type in (0, 2):
        found = look_at(deep_png(colour_type), "a.png", CAP)
        assert as_opencv_reads(found.data).ravel().tolist() == [0x80] * WIDTH * HEIGHT * 3


def test_transparency_is_laid_on_white_when_converted() -> None:
    file = io.BytesIO()
    Image.new("RGBA", (WIDTH, HEIGHT), (255, 0, 0, 0)).save(file, "PNG")
    found = look_at(file.getvalue(), "a.png", CAP)
    assert Image.open(io.BytesIO(found.data)).getpixel((5, 5)) == (255, 255, 255)


PUT_ASIDE = {
    "0 bytes": (b"", "image_empty"),
    "truncated JPEG": (picture(size=(640, 480))[:1500], "image_truncated"),
    "truncated PNG": (picture(kind="PNG", size=(640, 480))[:-30], "image_truncated"),
    "header only": (picture()[:20], "image_unreadable"),
    "HTML": (b"<!DOCTYPE html><html>404</html>", "image_unreadable"),
    "text": (b"not found", "image_unreadable"),
    "GIF": (picture(kind="GIF"), "image_kind"),
    "HEIC": (b"\0\0\0\x18ftypheic" + bytes(100), "image_kind"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "image_unreadable"),
    "32-bit TIFF": (picture(kind="TIFF", mode="F"), "image_kind"),
    "too many pixels": (picture(size=(1001, 1000)), "image_too_large"),
    "too few pixels": (picture(size=(9, 100)), "image_too_small"),
}


@pytest.mark.parametrize(("data", "code"), PUT_ASIDE.values(), ids=PUT_ASIDE.keys())
def test_picture_is_put_aside_when_it_cannot_be_used(data: bytes, code: str) -> None:
    with pytest.raises(Rejection) as refusal:
        look_at(data, "a.jpg", CAP)
    assert refusal.value.code == code


def test_picture_is_not_decoded_when_its_header_promises_too_many_pixels() -> None:
    bomb = bytearray(picture(kind="PNG"))
    bomb[16:24] = struct.pack(">2I", 60_000, 60_000)
    bomb[29:33] = struct.pack(">I", zlib.crc32(bomb[12:29]))
    with pytest.raises(Rejection, match="image_too_large"):
        look_at(bytes(bomb), "a.png", CAP)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_picture_is_written_upright_when_exif_says_it_is_turned(kind: str, orientation: int) -> None:
    data = turned(orientation, kind=kind)
    found = look_at(data, f"a.{kind.lower()}", CAP)
    assert "exif_upright" in {code for code, _ in found.changes}
    assert (found.width, found.height) == ((HEIGHT, WIDTH) if orientation >= 5 else (WIDTH, HEIGHT))
    seen = as_opencv_reads(data)
    ours = as_opencv_reads(found.data)
    if seen.shape == ours.shape and kind == "JPEG":
        assert np.abs(seen.astype(int) - ours).mean() < 3
    assert look_at(found.data, f"a{found.suffix}", CAP).changes == ()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_stay_on_the_object_when_labels_were_made_before_the_rotation(tmp_path: Path, orientation: int) -> None:
    # The dark third of the stored picture is its left; a label on the stored picture, of its size, marks just that.
    files = {"a.jpg": turned(orientation), "a.xml": voc(("dark", 0, 0, WIDTH // 3, HEIGHT))}
    upright_only = 2 <= orientation <= 4  # Width and height do not tell: labels are taken to be of the upright view.
    intake = take_in(tmp_path, files)
    record = intake.records["a.jpg"]
    image = as_opencv_reads(intake.dataset.image(record).read_bytes())
    left, top, right, bottom = map(round, record.boxes[0].xyxy)
    if not upright_only:
        assert image[top:bottom, left:right].mean() < 15
    assert ("labels_turned" in intake.report["counts"]) == (orientation >= 5)


def test_picture_keeps_its_bytes_and_digest_when_it_is_fine(tmp_path: Path) -> None:
    data = picture()
    intake = take_in(tmp_path, {"a.jpg": data, "a.txt": "0 0.5 0.5 0.2 0.2"}, classes="plane")
    record = intake.records["a.jpg"]
    assert intake.dataset.image(record).read_bytes() == data
    assert record.sha256 == hashlib.sha256(data).hexdigest()


def test_labels_are_scaled_when_they_were_made_on_a_larger_copy(tmp_path: Path) -> None:
    files = {"a.jpg": picture(), "a.xml": voc(("plane", 20, 20, 40, 40), size=(WIDTH * 2, HEIGHT * 2))}
    intake = take_in(tmp_path, files)
    assert intake.boxes == {"a.jpg": [("plane", (10.0, 10.0, 20.0, 20.0))]}
    assert intake.issues("labels_scaled") == [("a.jpg", None, "128x96, but the image is 64x48")]


def test_image_is_put_aside_when_labels_were_made_on_another_shape(tmp_path: Path) -> None:
    other = voc(("plane", 20, 20, 40, 40), size=(100, 100))
    files = {"a.jpg": picture(), "a.xml": other, "b.jpg": picture("blue"), "b.xml": voc(("plane", 1, 1, 9, 9))}
    intake = take_in(tmp_path, files, max_bad_share=0.5)
    assert list(intake.boxes) == ["b.jpg"]
    assert intake.issues("size_mismatch") == [("a.jpg", None, "100x100, but the image is 64x48")]


def test_picture_is_used_as_it_is_when_only_its_metadata_is_broken() -> None:
    data = picture(exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + bytes(range(40)))
    assert look_at(data, "a.jpg", CAP).data is data
