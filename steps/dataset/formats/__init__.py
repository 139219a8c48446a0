"""Formats of labelled images, and how one is recognised. A new format is a new module here, with a `FORMAT` in it.

What `auto` does: each format looks for what only it has. Where one format's trees have the labels of another too (darknet
and YOLO), the first is meant. Other combinations are refused with the names of both, since nobody can tell which labels
are the newer ones.
"""

import pkgutil
from importlib import import_module
from itertools import chain, islice

from steps.dataset.formats.source import Format, Labels, Picture, Source
from steps.dataset.formats.unrecognised import Dropped, without_images, without_labels
from steps.dataset.tree import Tree
from steps.errors import DatasetError

__all__ = ["FORMATS", "Format", "Labels", "Picture", "Source", "labels_in", "recognise"]


def _found() -> dict[str, Format]:
    modules = (import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    formats = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return {each.name: each for each in sorted(formats, key=lambda each: str(each.name))}


FORMATS: dict[str, Format] = _found()
"""Every format, by name."""


LOOKED_AT = 1000
"""Files among which an example of a format is looked for."""


def recognise(tree: Tree, wanted: str, dropped: Dropped) -> Format:
    """Return the format of `tree`; `wanted` is one of `FORMATS`, or `auto`.

    Args:
        tree: The files of the source that are looked at.
        wanted: What `--format` says.
        dropped: Files that are not, for the refusal.

    Raises:
        DatasetError: If no format fits, or several do, or the wanted one does not; it says what was found.
    """
    fitting = {name: found for name, each in FORMATS.items() if (found := each.recognise(tree))}
    if wanted in fitting:
        return FORMATS[wanted]
    if not fitting and next(chain(tree.pictures(), tree.records()), None) is None:
        raise without_images(tree, FORMATS, dropped)
    if wanted != "auto":
        raise DatasetError(
            f"--format={wanted}: no such labels in the source; found {_described(fitting, tree) or without_labels(tree, FORMATS, dropped).message}",
            hint="leave --format out to have the format recognised",
        )
    for name in tuple(fitting):
        for other in FORMATS[name].instead_of:
            fitting.pop(other, None)
    if not fitting:
        raise without_labels(tree, FORMATS, dropped)
    if len(fitting) > 1:
        raise DatasetError(
            f"two kinds of labels fit: {_described(fitting, tree)}",
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


def _described(fitting: dict[str, str], tree: Tree) -> str:
    """Return in words what fits, each with a file that shows it."""
    return "; ".join(f"{name} ({found}{_example(tree, name, found)})" for name, found in fitting.items())


def _example(tree: Tree, name: str, found: str) -> str:
    files = islice(tree.label_files(), LOOKED_AT)
    path = next((path for path in files if FORMATS[name].rows_in(tree, path)), "")
    return f", such as {path}" if path and path not in found else ""
