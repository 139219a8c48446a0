"""Label maps of TensorFlow's Object Detection API: `item { id: 1 name: 'plane' }`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from steps.dataset.formats.tfrecord_file import message
from steps.dataset.issues import Rejection
from steps.dataset.label_text import read_text
from steps.dataset.tree import Tree
from steps.errors import DatasetError

ITEM = re.compile(r"^\s*item\s*:?\s*\{", re.MULTILINE)

MACHINE_NAME = re.compile(r"/[a-z]/[0-9a-z_]+")
"""Names that are not for people, as Open Images has them; `display_name` is."""


@dataclass(frozen=True, slots=True)
class LabelMaps:
    """What classes are called.

    Attributes:
        by_id: Name by `image/object/class/label`.
        by_text: Name by `image/object/class/text`, where another one is meant for people.
    """

    by_id: dict[int, str] = field(default_factory=dict)
    by_text: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order of their ids."""
        return tuple(dict.fromkeys(self.by_id[identity] for identity in sorted(self.by_id)))

    def name(self, identity: int | None, text: str) -> str:
        """Return the class with an id and a text, either of which may lack; empty where nothing names it.

        A text that the label map does not have is none of its classes, as TensorFlow takes it: then the id counts.
        """
        if text and (text in self.by_text or not self.by_text):
            return self.by_text.get(text, text)
        if identity is None:
            return ""
        return self.by_id.get(identity, "") if self.by_id else f"class-{identity}"


def label_map_files(tree: Tree) -> Iterator[str]:
    """Yield the files that are label maps."""
    for path in tree.files(".pbtxt"):
        try:
            text, _ = read_text(tree.root / path)
        except Rejection:
            continue
        if ITEM.search(text):
            yield path


def read_label_maps(tree: Tree, given: tuple[str, ...]) -> LabelMaps:
    """Return what all label maps of `tree` say; `given` are the names from 1 on where there is none.

    Raises:
        DatasetError: If one is broken, or two give one id different names.
    """
    by_id: dict[int, str] = {}
    by_text: dict[str, str] = {}
    told: dict[int, str] = {}
    for path in label_map_files(tree):
        for item in _items(tree, path):
            shown = item.display_name if item.display_name and MACHINE_NAME.fullmatch(item.name) else item.name
            name = (shown or item.display_name).strip()
            if not name:
                raise DatasetError(
                    f"{path}: the item with id {item.id} has no name", hint="name it, or take the file out"
                )
            if by_id.setdefault(item.id, name) != name:
                raise DatasetError(
                    f"{told[item.id]} and {path} give id {item.id} different names: {by_id[item.id]!r} and {name!r}",
                    hint="keep the one that fits the records, and take the other out",
                )
            told.setdefault(item.id, path)
            by_text[item.name] = name
    return LabelMaps(by_id or dict(enumerate(given, 1)), by_text)


def _items(tree: Tree, path: str) -> list[Any]:
    from google.protobuf import text_format  # noqa: PLC0415  (only such data pays for it)

    text, _ = read_text(tree.root / path)
    try:
        parsed = text_format.Parse(text, message("StringIntLabelMap")(), allow_unknown_field=True)
    except text_format.ParseError as error:
        raise DatasetError(
            f"the class names in {path} cannot be read: {' '.join(str(error).split())}",
            hint="an item looks like `item { id: 1 name: 'plane' }`",
        ) from None
    return list(parsed.item)
