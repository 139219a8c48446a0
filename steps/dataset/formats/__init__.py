"""Formats of labelled images, and how one is recognised. A new format is a new module here, with a `FORMAT` in it.

What `auto` does: each format looks for what only it has. Where one format's trees have the labels of another too (darknet
and YOLO), the first is meant. Other combinations are refused with the names of both, since nobody can tell which labels
are the newer ones.
"""

import pkgutil
from importlib import import_module
from itertools import chain, islice

from steps.dataset.formats.source import Format, Labels, Picture, Source
from steps.dataset.tree import Tree
from steps.errors import DatasetError

__all__ = ["FORMATS", "Format", "Labels", "Picture", "Source", "labels_in", "recognise"]


UNREAD = 3
"""Files that a refusal names, of each format whose labels are there and cannot be read."""


def _found() -> dict[str, Format]:
    modules = (import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    formats = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return {each.name: each for each in sorted(formats, key=lambda each: str(each.name))}


FORMATS: dict[str, Format] = _found()
"""Every format, by name."""


def recognise(tree: Tree, wanted: str) -> Format:
    """Return the format of `tree`; `wanted` is one of `FORMATS`, or `auto`.

    Raises:
        DatasetError: If no format fits, or several do, or the wanted one does not; it says what was found.
    """
    if next(chain(tree.pictures(), tree.files(".json"), tree.records()), None) is None:
        raise DatasetError(
            f"no image in the source; found {tree.census()}",
            hint="a source holds images (jpg, png, …) and their labels",
        )
    fitting = {name: found for name, each in FORMATS.items() if (found := each.recognise(tree))}
    if wanted != "auto":
        if wanted not in fitting:
            raise DatasetError(
                f"--format={wanted}: no such labels in the source; found {_described(fitting) or tree.census()}",
                hint="leave --format out to have the format recognised",
            )
        return FORMATS[wanted]
    for name in tuple(fitting):
        for other in FORMATS[name].instead_of:
            fitting.pop(other, None)
    if not fitting:
        unread = [text for each in FORMATS.values() for text in islice(each.unread(tree), UNREAD)]
        raise DatasetError(
            f"no labels recognised in the source; found {tree.census()}{''.join(f'; {text}' for text in unread)}",
            hint="labels are YOLO .txt files named as the images are, Pascal VOC .xml, COCO .json or Label Studio's .json",
        )
    if len(fitting) > 1:
        raise DatasetError(
            f"two kinds of labels fit: {_described(fitting)}",
            hint=f"choose one with --format={' or --format='.join(fitting)}",
        )
    return FORMATS[next(iter(fitting))]


def labels_in(tree: Tree, path: str, chosen: Format) -> tuple[Format, int] | None:
    """Return of which format the labels in a file are, and how many rows it has; None if it is no label file.

    The `chosen` format is asked first: a file that could be several's is taken for one of its own.
    """
    for each in (chosen, *(other for other in FORMATS.values() if other is not chosen)):
        rows = each.rows_in(tree, path)
        if rows is not None:
            return each, rows
    return None


def _described(fitting: dict[str, str]) -> str:
    return "; ".join(f"{name} ({found})" for name, found in fitting.items())
