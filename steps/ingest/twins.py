"""Images that are one file under two paths, by a link: which of them are not to be read."""

import os

from steps.dataset.formats import Source
from steps.dataset.tree import Tree
from steps.ingest.remote import is_remote


def linked_twins(source: Source, tree: Tree) -> set[str]:
    """Return the images that are the same file as another one that is read, and add nothing to it."""
    return _unlabelled(source, tree) | _labelled(source, tree) if tree.links else set()


def _unlabelled(source: Source, tree: Tree) -> set[str]:
    """Return images without labels that are the same file as one with labels."""
    without = [picture.path for picture in source.pictures() if picture.labels.source == picture.path]
    labelled = [picture.path for picture in source.pictures() if picture.labels.source != picture.path]
    return tree.links.twins(tree.root, without, labelled)


def _labelled(source: Source, tree: Tree) -> set[str]:
    """Return images that are the same file as another one with the same label file, which no third image has."""
    root, shared = os.path.realpath(tree.root), set(source.files())
    pictures: dict[str, list[str]] = {}
    for picture in source.pictures():
        labels = picture.labels.source
        if labels != picture.path and labels not in shared and not is_remote(picture.path):
            pictures.setdefault(tree.links.real(root, labels), []).append(picture.path)
    alike = [paths for paths in pictures.values() if len(paths) > 1]
    one = ((paths, tree.links.one_of_each(tree.root, paths)) for paths in alike)
    return {path for paths, kept in one if len(kept) == 1 for path in paths if path != kept[0]}
