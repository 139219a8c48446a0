"""Which label file belongs to which image in a tree of YOLO labels."""

from steps.dataset.tree import Tree, key, mirrored, parent, stem

IMAGE_FOLDERS = ("images", "image", "jpegimages", "imgs", "img")
LABEL_FOLDERS = ("labels", "label")

LOOKED_UP = (
    "in the folder that mirrors the image's, with `labels` or `label` for `images`, `image`, `imgs`, `img` or `JPEGImages`; in such "
    "a folder beside the image's folder or inside it; beside the image; else anywhere below such a folder, where no other image and "
    "no other label file has that name"
)
"""For messages and documentation."""


def find_label(tree: Tree, picture: str) -> str | None:
    """Return the label file of `picture`, or None where there is none; see `LOOKED_UP`.

    It has the name of the image with `.txt` for the extension (`a.txt` for `a.jpg`), or added to it (`a.jpg.txt`).
    """
    names = (stem(picture), picture.rpartition("/")[2])
    for candidate in _folders(parent(picture)):
        place = tree.folders.get(key(candidate))
        if place is None:
            continue
        for name in names:
            found = tree.file_in(place, name, ".txt")
            if found:
                return found
    return _elsewhere(tree, names)


def _folders(folder: str) -> list[str]:
    beside = parent(folder)
    mirror = [mirrored(folder, IMAGE_FOLDERS, name) for name in LABEL_FOLDERS]
    near = [f"{place}/{name}" if place else name for place in (beside, folder) for name in LABEL_FOLDERS]
    return [candidate for candidate in (*mirror, *near, folder) if candidate is not None]


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
