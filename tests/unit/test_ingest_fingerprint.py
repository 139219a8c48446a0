"""The perceptual hash: what changes it little, what changes it much, and where there is none."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steps.ingest.fingerprint import BITS, fingerprint
from steps.ingest.pictures import look_at
from steps.split.near import MOST_LOW, NEAR, as_words, distances
from tests.factories_copies import brighter, cropped, jpeg, scene
from tests.factories_ingest import SOUND, picture, take_in

COPIES: dict[str, Callable[[Image.Image], bytes]] = {
    "quality 50": lambda image: jpeg(image, 50),
    "quality 95": lambda image: jpeg(image, 95),
    "half the size": lambda image: jpeg(image.resize((image.width // 2, image.height // 2))),
    "three times the size": lambda image: jpeg(image.resize((image.width * 3, image.height * 3))),
    "made square": lambda image: jpeg(image.resize((416, 416))),
    "brighter": lambda image: jpeg(brighter(image, 1.1)),
    "darker": lambda image: jpeg(brighter(image, 0.9)),
    "grey": lambda image: jpeg(image.convert("L")),
    "cropped by a hundredth at each edge": lambda image: jpeg(cropped(image, 0.01)),
    "another kind of file": lambda image: _saved(image, "PNG"),
    "written anew on the way in": lambda image: _saved(image, "WEBP", lossless=True),
}


def _saved(image: Image.Image, kind: str, **options: bool) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def hash_of(data: bytes) -> str:
    return look_at(data, "a.jpg", 10**8, hashed=True).phash


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_hash_stays_near_when_a_picture_is_copied(change: Callable[[Image.Image], bytes]) -> None:
    scenes = [scene(number, size=(320, 240)) for number in range(20)]
    before = as_words([hash_of(jpeg(image)) for image in scenes])
    after = as_words([hash_of(change(image)) for image in scenes])
    assert distances(before, after).max() <= NEAR
    assert np.bitwise_count(before[:, 0] ^ after[:, 0]).max() <= MOST_LOW


def test_hashes_are_far_when_pictures_differ() -> None:
    words = as_words([hash_of(jpeg(scene(number))) for number in range(60)])
    apart = distances(words[:, None], words[None])[~np.eye(len(words), dtype=bool)]
    assert apart.min() > NEAR + 16


def test_half_of_the_bits_are_set_when_a_picture_has_a_hash() -> None:
    phash = fingerprint(scene(1))
    assert (len(phash) * 4, int(phash, 16).bit_count()) == (BITS, BITS // 2)


@pytest.mark.parametrize(
    "plain",
    [
        Image.new("L", (200, 100), 90),
        Image.linear_gradient("L"),
        Image.radial_gradient("L").resize((1000, 800)),
        Image.open(io.BytesIO(picture("blue"))),
    ],
    ids=["one colour", "gradient", "round gradient", "two stripes"],
)
def test_there_is_no_hash_when_a_picture_is_plain(plain: Image.Image) -> None:
    assert fingerprint(plain) == ""


def test_records_have_the_hash_unless_it_is_turned_off(tmp_path: Path) -> None:
    files = dict(SOUND) | {"a.jpg": jpeg(scene(3))}
    on, off = take_in(tmp_path, files), take_in(tmp_path, files, near_duplicates="off")
    assert on.records["a.jpg"].phash == hash_of(jpeg(scene(3)))
    assert off.records["a.jpg"].phash == ""
    assert on.outputs.digest == off.outputs.digest
