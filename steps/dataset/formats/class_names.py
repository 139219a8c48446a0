"""Class names that come beside YOLO labels: data.yaml, classes.txt, obj.names, Label Studio's notes.json."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from steps.dataset.formats.data_yaml import MAX_CLASSES, Names, read_data_yaml
from steps.dataset.issues import Rejection
from steps.dataset.label_text import read_text
from steps.dataset.tree import Tree
from steps.errors import DatasetError

LISTS = ("classes.txt", "obj.names", "_darknet.labels", "predefined_classes.txt")
"""Files with one name a line; the line number, from 0, is the class index."""


def find_names(tree: Tree) -> Names:
    """Return the class names of `tree`, none where no file gives them.

    Label Studio's notes.json comes first: where its classes.txt disagrees, only notes.json tells the ids that the
    label files use. Then data.yaml, then lists.

    Raises:
        DatasetError: If two files of the same rank disagree, or one cannot be understood.
    """
    for readers in _readers(tree):
        found: dict[str, Names] = {}
        for path, reader in readers:
            names = _checked(tree, path, reader)
            if names:
                found[path] = names
        if found:
            return _agreed(found)
    return {}


def name_files(tree: Tree) -> Iterator[str]:
    """Yield the files that are asked for class names, those included that another one overrules."""
    for readers in _readers(tree):
        yield from (path for path, _ in readers)


def _readers(tree: Tree) -> tuple[list[tuple[str, Callable[[Path], Names]]], ...]:
    """Return the files that can have class names, and what reads them, by rank."""
    return (
        [(path, _read_notes) for path in tree.named("notes.json")],
        [(path, _read_yaml) for path in tree.files(".yaml", ".yml")],
        [(path, read_list) for base in LISTS for path in tree.named(base)],
    )


def read_list(path: Path) -> Names:
    """Return the names in a file with one a line; empty lines at the end do not count.

    Raises:
        Rejection: `label_unreadable`, if it is no text.
    """
    text, _ = read_text(path)
    return {index: line.strip() for index, line in enumerate(text.rstrip().splitlines()) if line.strip()}


def _read_yaml(path: Path) -> Names:
    return read_data_yaml(path).names


def _read_notes(path: Path) -> Names:
    """Return the names in Label Studio's notes.json, none where the file is another tool's."""
    text, _ = read_text(path)
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Rejection("label_unreadable", str(error)) from None
    categories = content.get("categories") if isinstance(content, dict) else None
    if not isinstance(categories, list):
        return {}
    try:
        return {_index(item["id"]): _name(item["name"]) for item in categories}
    except (KeyError, TypeError):
        raise Rejection("label_unreadable", "a category without id and name") from None


def _name(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        raise Rejection("label_unreadable", f"a class name is {value}, not text")
    if not isinstance(value, str | int | float) or not str(value).strip():
        raise Rejection("label_unreadable", f"a class name is a {type(value).__name__}, not text")
    return str(value).strip()


def _index(value: Any) -> int:
    try:
        index = int(value)
    except (TypeError, ValueError):
        raise Rejection("label_unreadable", f"class index {str(value)[:40]!r} is no whole number") from None
    if not 0 <= index < MAX_CLASSES:
        raise Rejection("label_unreadable", f"class index {index} is not in 0..{MAX_CLASSES - 1}")
    return index


def _checked(tree: Tree, path: str, reader: Any) -> Names:
    try:
        names: Names = reader(tree.root / path)
    except Rejection as fault:
        raise DatasetError(
            f"the class names in {path} cannot be read: {fault.found}", hint="mend the file, or take it out"
        ) from None
    if len(names) > MAX_CLASSES:
        raise DatasetError(f"{path} has {len(names)} class names", hint=f"at most {MAX_CLASSES} are possible")
    return names


def _agreed(found: dict[str, Names]) -> Names:
    (path, names), *others = found.items()
    for other, different in others:
        if different != names:
            raise DatasetError(
                f"{path} and {other} give different class names: {_shown(names)} and {_shown(different)}",
                hint="keep the one that fits the labels, and take the other out",
            )
    return names


def repeated(names: Names) -> Iterator[str]:
    """Yield in words each name that several indices have; their labels are of one class."""
    by_name: dict[str, list[int]] = {}
    for index, name in sorted(names.items()):
        by_name.setdefault(name, []).append(index)
    for name, indices in by_name.items():
        if len(indices) > 1:
            yield f"{name}: {', '.join(map(str, indices))}"


def _shown(names: Names) -> list[str]:
    return [names[index] for index in sorted(names)][:10]
