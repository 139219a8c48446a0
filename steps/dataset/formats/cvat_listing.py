"""What one of CVAT's XML files says, listed image by image while it is read."""

import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from steps.dataset.formats.cvat_frames import Frames
from steps.dataset.formats.cvat_shapes import Shape, described
from steps.dataset.formats.shapes import number
from steps.dataset.formats.source import split_of_name
from steps.dataset.formats.xml_file import elements
from steps.dataset.issues import Issue, Rejection
from steps.dataset.listing import Listing
from steps.dataset.split_names import SPLITS
from steps.dataset.tree import Tree, called, key, parent
from steps.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from xml.etree.ElementTree import Element

BETWEEN = "between keyframes: "
"""Before the path of a picture that `Listing.identified` knows for being so."""


def list_file(tree: Tree, path: str, listing: Listing) -> dict[str, None]:
    """List the images of a file, and the shapes on each; return the class names in order.

    Raises:
        DatasetError: If it has tracks of several videos.
        Exception: One of `xml_file.BROKEN`.
    """
    lister = _Lister(tree, path, listing)
    for nested in elements(tree.root / path, "end"):
        if len(nested) == 2:
            lister.part(nested[1])
        elif len(nested) == 3 and nested[1].tag == "track":
            lister.on_frame(nested[1], nested[2])
        else:
            continue
        nested[-2].remove(nested[-1])
    lister.close()
    return lister.defined or dict.fromkeys(sorted(lister.used))


@dataclass(slots=True)
class _Lister:
    tree: Tree
    path: str
    listing: Listing
    defined: dict[str, None] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    range: tuple[int, int] | None = None
    size: tuple[float, float] | None = None
    frames: Frames | None = None
    task: str | None = None
    lost: Counter[tuple[str, str]] = field(default_factory=Counter)
    last: tuple[int, bool] | None = None

    def part(self, element: "Element") -> None:
        """Take in an element below the root, which has ended."""
        if element.tag == "meta":
            self._meta(element)
        elif element.tag == "image":
            self._image(element)
        elif element.tag == "track":
            self.last = None

    def on_frame(self, track: "Element", element: "Element") -> None:
        """Take in what a track says about one frame."""
        if element.tag == "attribute":
            return
        shape = self._shape(element, track.get("label"), {"track": track.get("id", "")})
        frames = self._frames(track.get("task_id"))
        try:
            frame = int(number(element.get("frame")))
        except Rejection:
            self.listing.miss(Issue("no_frame", self.path, shape["number"], described(shape)))
            return
        outside = element.get("outside") == "1"
        if self.last is not None and not self.last[1]:
            for path in frames.between(self.last[0] + 1, frame - 1):
                self.listing.identify(BETWEEN + path, path)
        self.last = frame, outside
        picture = frames.picture(frame)
        if outside:
            self.listing.miss(Issue("not_visible", self.path, shape["number"], described(shape)))
        elif picture:
            self.listing.add(picture, json.dumps(shape))
        else:
            code = "image_missing" if picture is None else "image_ambiguous"
            self.lost[code, f"frame {frame}, such as frame_{frame:06}.png"] += 1

    def close(self) -> None:
        """Name the frames that have no picture."""
        for (code, frame), rows in self.lost.items():
            self.listing.miss(Issue(code, self.path, None, frame, rows))

    def _meta(self, meta: "Element") -> None:
        for label in meta.iterfind(".//labels/label"):
            name = (label.findtext("name") or "").strip()
            if name and not label.findtext("parent"):
                self.defined[name] = None
        for task in meta:
            first, last = task.findtext("start_frame"), task.findtext("stop_frame")
            if first and last and first.strip().isdecimal() and last.strip().isdecimal():
                self.range = int(first), int(last)
            original = task.find("original_size")
            if original is not None:
                self.size = _size(original.findtext("width"), original.findtext("height"))

    def _image(self, image: "Element") -> None:
        subset, name = image.get("subset") or "", image.get("name") or ""
        shapes = [self._shape(child, child.get("label"), {}) for child in image if child.tag != "attribute"]
        found = _located(self.tree, subset, name, parent(self.path))
        if len(found) != 1:
            code = "image_ambiguous" if found else "image_missing"
            self.listing.miss(Issue(code, self.path, None, called(name, found), len(shapes)))
            return
        self._list(found[0], _size(image.get("width"), image.get("height")), shapes, subset)

    def _list(
        self,
        path: str,
        size: tuple[float, float] | None,
        shapes: "Iterable[Shape]" = (),
        subset: str = "",
        *,
        present: bool = True,
    ) -> None:
        split = SPLITS.get(key(subset), "") or split_of_name(self.path)
        image = {"file": self.path, "size": size or (0, 0), "split": split, "present": present}
        for entry in (image, *shapes):
            self.listing.add(path, json.dumps(entry))

    def _shape(self, element: "Element", label: str | None, attributes: dict[str, str]) -> Shape:
        name = (label or "").strip()
        self.used.add(name)
        attributes |= {each.get("name", ""): (each.text or "").strip() for each in element.iterfind("attribute")}
        known = name in self.defined if self.defined else bool(name)
        values = {name: value for name, value in element.attrib.items() if name != "label"}
        return {
            "number": next(self.numbers),
            "kind": element.tag,
            "label": name,
            "known": known,
            "values": values,
            "attributes": attributes,
        }

    def _frames(self, task: str | None) -> Frames:
        """Return the frames of the video, all of them listed when it is asked first."""
        if self.frames is None:
            self.frames = Frames(self.tree, self.path, self.listing)
            self.task = task
            first, last = self.range or (0, self.frames.last)
            for path in self.frames.between(first, last):
                self._list(path, self.size, present=self.range is not None)
        elif task != self.task:
            raise DatasetError(
                f"{self.path} has tracks of the tasks {self.task} and {task}, and frames are known by their number alone",
                hint='export each task by itself, or the project as "CVAT for images 1.1"',
            )
        return self.frames


def _size(width: str | None, height: str | None) -> tuple[float, float] | None:
    try:
        return number(width), number(height)
    except Rejection:
        return None


def _located(tree: Tree, subset: str, name: str, near: str) -> list[str]:
    """Return the pictures that a name can mean; CVAT packs them as `images/SUBSET/NAME`, a video's without extension."""
    for folder in dict.fromkeys((f"images/{subset}/", "images/", "")):
        found = tree.locate(folder + name, near) if name else []
        if len(found) == 1:
            return found
    base = name.replace("\\", "/").rpartition("/")[2]
    return found or (tree.pictures_of_stem(base) if base else [])
