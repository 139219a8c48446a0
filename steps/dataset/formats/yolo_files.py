"""Which label file belongs to which image in a tree of YOLO labels."""

import re

from steps.dataset.tree import Tree, key, mirrored, parent, stem

IMAGE_FOLDERS = ("images", "image", "jpegimages", "imgs", "img")
LABEL_FOLDERS = ("labels", "label")

LOOKED_UP = (
    "in the folder that mirrors the image's, with `labels` or `label` for `images`, `image`, `imgs`, `img` or `JPEGImages`, also as a "
    "word (`train_labels` for `train_images`); in such a folder beside the image's folder or inside it; beside the image; else anywhere below such a folder, where no other image and "
    "no other label file has that name"
)
"""For messages and documentation."""


def find_label(tree: Tree, picture: str) -> str | None:
    """Return the label file of `picture`, or None where there is none; see `LOOKED_UP`.

    It has the name of the image with `.txt` for the extension (`a.txt` for `a.jpg`), or added to it (`a.jpg.txt`).
    """
    names = (stem(picture), picture.rpartition("/")[2])
    folder = parent(picture)
    own = mirrored(folder, IMAGE_FOLDERS, LABEL_FOLDERS[0]) is not None
    for candidate in _folders(folder):
        place = tree.folders.get(key(candidate))
        if place is None or (not own and place != folder and _has_images(tree, place, names[0])):
            continue
        for name in names:
            found = tree.file_in(place, name, ".txt")
            if found:
                return found
    return _elsewhere(tree, names)


def _has_images(tree: Tree, labels: str, name: str) -> bool:
    """Return whether a folder of labels has one of images beside it with an image called so: no other is meant, such as a mask."""
    beside = parent(labels)
    folders = (tree.folders.get(key(f"{beside}/{each}" if beside else each)) for each in IMAGE_FOLDERS)
    return any(folder is not None and tree.pictures_in(folder, name) for folder in folders)


def _folders(folder: str) -> list[str]:
    beside = parent(folder)
    mirror = [find(folder, IMAGE_FOLDERS, name) for find in (mirrored, _reworded) for name in LABEL_FOLDERS]
    near = [f"{place}/{name}" if place else name for place in (beside, folder) for name in LABEL_FOLDERS]
    return [candidate for candidate in (*mirror, *near, folder) if candidate is not None]


def _reworded(folder: str, old: tuple[str, ...], new: str) -> str | None:
    """Return `folder` with the word of `old` in its last part that has one as `new`: `train_labels` for `train_images`."""
    parts = key(folder).split("/")
    for place in range(len(parts) - 1, -1, -1):
        words = re.split(r"([^a-z0-9]+)", parts[place])
        if any(word in old for word in words):
            part = "".join(new if word in old else word for word in words)
            return "/".join([*parts[:place], part, *parts[place + 1 :]])
    return None


def _elsewhere(tree: Tree, names: tuple[str, str]) -> str | None:
    """Return the only file of such a name below a folder of labels, as where images lie in a folder a split and labels do not."""
    if len(tree.pictures_of_stem(names[0])) != 1:
        return None
    found = [
        path
        for name in names
        for path in tree.files_of_stem(name, ".txt")
        if any(part in LABEL_FOLDERS for part in key(parent(path)).split("/"))
    ]
    return found[0] if len(found) == 1 else None
