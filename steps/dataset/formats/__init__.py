"""Formats of labelled images, and how one is recognised. To add one, write its module and a line here.

What `auto` does: each format looks for what only it has. A darknet tree has YOLO labels too; there darknet is meant.
Other combinations are refused with the names of both, since nobody can tell which labels are the newer ones.
"""

from steps.dataset.formats import coco, darknet, label_studio, voc, yolo
from steps.dataset.formats.source import Format, Labels, Picture, Source
from steps.dataset.tree import Tree
from steps.errors import DatasetError

__all__ = ["FORMATS", "Format", "Labels", "Picture", "Source", "recognise"]

FORMATS = {
    "label-studio": Format("label-studio", label_studio.recognise, label_studio.open_source),
    "coco": Format("coco", coco.recognise, coco.open_source),
    "voc": Format("voc", voc.recognise, voc.open_source),
    "darknet": Format("darknet", darknet.recognise, darknet.open_source),
    "yolo": Format("yolo", yolo.recognise, yolo.open_source),
}


def recognise(tree: Tree, wanted: str) -> Format:
    """Return the format of `tree`; `wanted` is one of `FORMATS`, or `auto`.

    Raises:
        DatasetError: If no format fits, or several do, or the wanted one does not; it says what was found.
    """
    if next(tree.pictures(), None) is None and next(tree.files(".json"), None) is None:
        raise DatasetError(
            f"no image in the source; found {tree.census()}",
            hint="a source holds images (jpg, png, …) and their labels",
        )
    fitting = {name: found for name, each in FORMATS.items() if (found := each.recognise(tree))}
    if wanted != "auto":
        if wanted not in fitting:
            raise DatasetError(
                f"--format={wanted}: no such labels in the source; found {_told(fitting) or tree.census()}",
                hint="leave --format out to have the format recognised",
            )
        return FORMATS[wanted]
    if "darknet" in fitting:
        fitting.pop("yolo", None)
    if not fitting:
        raise DatasetError(
            f"no labels recognised in the source; found {tree.census()}",
            hint="labels are YOLO .txt files named as the images are, Pascal VOC .xml, COCO .json or Label Studio's .json",
        )
    if len(fitting) > 1:
        raise DatasetError(
            f"two kinds of labels fit: {_told(fitting)}",
            hint=f"choose one with --format={' or --format='.join(fitting)}",
        )
    return FORMATS[next(iter(fitting))]


def _told(fitting: dict[str, str]) -> str:
    return "; ".join(f"{name} ({found})" for name, found in fitting.items())
