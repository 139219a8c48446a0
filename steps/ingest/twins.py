"""Images that are one file under two paths, by a link: which of them are not to be read."""

from steps.dataset.formats import Source
from steps.dataset.links import Links
from steps.dataset.tree import Tree
from steps.ingest.remote import is_remote


def linked_twins(source: Source, tree: Tree) -> set[str]:
    """Return the images that are the same file as another one that is read, and add nothing to it."""
    if not tree.links:
        return set()
    labels = {picture.path: picture.labels.source for picture in source.pictures()}
    without = [path for path, file in labels.items() if file == path]
    labelled = {path: file for path, file in labels.items() if file != path}
    return tree.links.twins(without, labelled) | _labelled(labelled, set(source.files()), tree.links)


def _labelled(labels: dict[str, str], shared: set[str], links: Links) -> set[str]:
    """Return images that are the same file as another one with the same label file, which no third image has.

    `labels` has the label file of each image; those in `shared` are about many.
    """
    pictures: dict[str, list[str]] = {}
    for path, file in labels.items():
        if file not in shared and not is_remote(path):
            pictures.setdefault(links.real(file), []).append(path)
    alike = [paths for paths in pictures.values() if len(paths) > 1]
    one = ((paths, links.one_of_each(paths)) for paths in alike)
    return {path for paths, kept in one if len(kept) == 1 for path in paths if path != kept[0]}
