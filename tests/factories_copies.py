"""Photographs, drawn: every one another, and copies of them as people make them; and what `split` makes of them."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from steps.dataset import Splits
from steps.split.contract import SplitInputs
from steps.split.run import split
from steps.workspace import Workspace
from tests.factories_ingest import Files, take_in


def scene(number: int, *, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A picture with soft shapes and a little noise; every number gives another one."""
    chance = np.random.default_rng(number)
    coarse = Image.fromarray(chance.integers(0, 256, (9, 12, 3), np.uint8))
    soft = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), dtype=np.int16)
    return Image.fromarray(np.clip(soft + chance.normal(0, 4, soft.shape), 0, 255).astype(np.uint8))


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    """The picture as a JPEG file."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def brighter(image: Image.Image, factor: float) -> Image.Image:
    """The picture with every pixel times `factor`."""
    return image.point(lambda value: value * factor)


def cropped(image: Image.Image, share: float) -> Image.Image:
    """The picture without `share` of its width and height at each edge."""
    across, down = round(image.width * share), round(image.height * share)
    return image.crop((across, down, image.width - across, image.height - down))


def labelled(pictures: Mapping[str, bytes]) -> dict[str, object]:
    """Files of a source in YOLO's layout: `pictures` by path without extension, `images` one of its folders, each with a box."""
    files: dict[str, object] = {"data.yaml": "names: [plane]\n"}
    for path, content in pictures.items():
        files[f"{path}.jpg"] = content
        files[f"{path.replace('images', 'labels')}.txt"] = "0 0.5 0.5 0.2 0.2\n"
    return files


@dataclass(frozen=True)
class Divided:
    """What `ingest` and then `split` made of a source: `splits.json`, and `duplicates/`."""

    splits: Splits
    duplicates: dict[str, Any]
    folder: Path

    def part(self, name: Literal["train", "valid", "test"]) -> set[str]:
        """Names in one split, without extension."""
        return {Path(file).stem for file in self.splits.names(name)}


def divide(tmp_path: Path, files: Files, *, taken: Mapping[str, Any] | None = None, **parameters: Any) -> Divided:
    """Run `ingest`, with the parameters `taken`, and `split` on files."""
    dataset = take_in(tmp_path, files, **(taken or {})).outputs.dataset
    out = tmp_path / f"split-{len(list(tmp_path.glob('split-*')))}"
    out.mkdir()
    outputs = split(SplitInputs.model_validate({"dataset": dataset} | parameters), Workspace(out=out, state=out))
    duplicates = json.loads((outputs.duplicates / "duplicates.json").read_text(encoding="utf-8"))
    return Divided(Splits.read(outputs.splits), duplicates, outputs.duplicates)
