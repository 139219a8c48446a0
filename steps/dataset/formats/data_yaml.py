"""YOLO's data.yaml: class names, keypoints and splits, each as written, and a fault with its line.

Scalars are taken as text, so that a class called 007, 12:30 or `no` keeps its name. Nothing else in the file is used, a
`download` least of all.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import yaml

from steps.dataset.issues import Rejection
from steps.dataset.label_text import read_text
from steps.dataset.split_names import SPLITS, SplitName

Names = dict[int, str]
"""Class index → name. Gaps are possible."""

MAX_CLASSES = 10_000

ABOUT_DATA = re.compile(r"^(?:names|nc|kpt_shape|train|val|valid|test)\s*:", re.MULTILINE)
"""What shows that a text is a data.yaml, be it broken or not."""

LIKE_NAMES = re.compile(r"^\s*(?:names|class_?names|classes)\b", re.IGNORECASE)
"""A line that was meant to give the names."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DataYaml:
    """What a data.yaml says.

    Attributes:
        names: Class names; empty where it has none.
        keypoints: Numbers that follow the box in each row, by `kpt_shape`. 0: rows have no keypoints.
        splits: Split → the folders and lists that it names.
        turned: True where its task is `obb`: rows are the corners of turned boxes.
    """

    names: Names = field(default_factory=dict)
    keypoints: int = 0
    splits: dict[SplitName, tuple[str, ...]] = field(default_factory=dict)
    turned: bool = False


def read_data_yaml(path: Path) -> DataYaml:
    """Read the file at `path`; one without `names`, `kpt_shape`, `task` and splits says nothing, whatever else it is.

    Raises:
        Rejection: `label_unreadable`, with the line, if it is no text, or has names or keypoints that are broken.
    """
    text, _ = read_text(path)
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if not ABOUT_DATA.search(text):
            return DataYaml()  # Some other tool's file.
        raise Rejection("label_unreadable", " ".join(str(error).split())) from None
    if not isinstance(root, yaml.MappingNode):
        return DataYaml()
    fields: dict[str, yaml.Node] = {}
    for key, value in root.value:
        if key.value == "names" and "names" in fields:
            raise _broken(key, "`names` stands there twice")
        fields[str(key.value)] = value
    if "names" not in fields and (fields.keys() & {*SPLITS, "nc"}):
        _refuse_misspelt(text)
    names = _names(fields["names"], fields) if "names" in fields else {}
    splits = {SPLITS[name]: _texts(fields[name]) for name in fields if name in SPLITS}
    task = fields.get("task")
    return DataYaml(names, _keypoints(fields.get("kpt_shape")), splits, task is not None and task.value == "obb")


def _refuse_misspelt(text: str) -> None:
    """Refuse a data.yaml that has no `names`, where a line was meant to be that."""
    for number, line in enumerate(text.splitlines(), 1):
        if LIKE_NAMES.match(line):
            raise Rejection(
                "label_unreadable", f"line {number}: {line.strip()[:40]!r} must be `names:` at the start of its line"
            )


def _names(node: yaml.Node, fields: dict[str, yaml.Node]) -> Names:
    if node.tag.startswith(("tag:yaml.org,2002:python/", "!")):
        raise _broken(node, f"`names` has the tag {node.tag[:60]}")
    if isinstance(node, yaml.SequenceNode):
        names = {index: _name(item) for index, item in enumerate(node.value)}
    elif isinstance(node, yaml.MappingNode):
        names = _unique([(_index(key), _name(value), key) for key, value in node.value])
    else:
        stray = next((key for key in fields if key.isdecimal()), None)
        if not node.value and stray is not None:
            raise _broken(fields[stray], f"`{stray}: …` must be indented to belong to `names`")
        raise _broken(node, f"`names` is the text {node.value!r}, not a list such as [{node.value or 'plane, car'}]")
    if not names:
        raise _broken(node, "`names` is empty")
    count = fields.get("nc")
    if count is not None and str(count.value) not in {str(len(names)), str(max(names) + 1)}:
        raise _broken(count, f"`nc` is {str(count.value)[:40]}, but `names` has {len(names)} names")
    return names


def _unique(items: list[tuple[int, str, yaml.Node]]) -> Names:
    names: Names = {}
    for index, name, node in items:
        if index in names:
            raise _broken(node, f"class index {index} stands there twice")
        names[index] = name
    return names


def _name(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
        kind = "empty" if isinstance(node, yaml.ScalarNode) else "a list or a mapping"
        raise _broken(node, f"a class name is {kind}, not text")
    if node.style is None and node.start_mark.line != node.end_mark.line:
        raise _broken(
            node, f"a class name goes on in the next line: {str(node.value)[:40]!r}; quote it if that is meant"
        )
    return str(node.value).strip()


def _index(node: yaml.Node) -> int:
    text = str(node.value)
    if not isinstance(node, yaml.ScalarNode) or not re.fullmatch(r"\d{1,9}", text):
        raise _broken(node, f"class index {text[:40]!r} is no whole number; names look like `0: plane`")
    if int(text) >= MAX_CLASSES:
        raise _broken(node, f"class index {text} is not in 0..{MAX_CLASSES - 1}")
    return int(text)


def _keypoints(node: yaml.Node | None) -> int:
    """Return how many numbers `kpt_shape`, such as [17, 3], adds to a row."""
    if node is None:
        return 0
    texts = [str(item.value) for item in node.value] if isinstance(node, yaml.SequenceNode) else []
    if len(texts) != 2 or not all(re.fullmatch(r"\d{1,4}", text) for text in texts) or texts[1] not in ("2", "3"):
        raise _broken(node, "`kpt_shape` is not [number of keypoints, 2 or 3]")
    return int(texts[0]) * int(texts[1])


def _texts(node: yaml.Node) -> tuple[str, ...]:
    if isinstance(node, yaml.SequenceNode):
        return tuple(str(item.value) for item in node.value if isinstance(item, yaml.ScalarNode) and item.value)
    return (str(node.value),) if isinstance(node, yaml.ScalarNode) and node.value else ()


def _broken(node: yaml.Node, what: str) -> Rejection:
    return Rejection("label_unreadable", f"line {node.start_mark.line + 1}: {what}")
