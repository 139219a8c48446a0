"""The refusal of a source without labels that are read: what it holds, what that looks like, and the way out."""

from collections.abc import Mapping, Sequence
from itertools import islice

from steps.dataset.file_kinds import ARCHIVES
from steps.dataset.formats.lookalikes import lookalikes
from steps.dataset.formats.source import Format
from steps.dataset.tree import Tree
from steps.errors import DatasetError

Dropped = Mapping[str, Sequence[str]]
"""Extension of files that are never looked at → their paths; links that are not followed stand under `LINKS`."""

LINKS = "links that lead nowhere or out of the source"

TRIED = 20
"""Files of each extension that are asked whether they are labels of some format."""

NAMED = 3

SUFFIXES = (".txt", ".xml", ".json", ".jsonl", ".csv", ".tsv", ".record", ".tfrecord")


def without_images(tree: Tree, formats: Mapping[str, Format], dropped: Dropped) -> DatasetError:
    """Return the refusal of a source that has neither an image nor a file that can point at images."""
    links = dropped.get(LINKS, ())
    if links:
        return DatasetError(
            f"no image in the source; found {_census(tree, dropped)}, such as {', '.join(links[:NAMED])}",
            hint="give the folder that holds links and files, or copy the source with `cp -rL`",
        )
    packed = [path for suffix, paths in dropped.items() if suffix in ARCHIVES for path in paths]
    if packed:
        return DatasetError(
            f"no image in the source, but archives inside of it: found {_census(tree, dropped)}, such as {', '.join(packed[:NAMED])}",
            hint="unpack them into one folder, and give that or an archive of it",
        )
    labels = [f"{path} looks like {each.title} ({rows} rows)" for path, each, rows in _labels_of_nobody(tree, formats)]
    others = [
        *(path for path in islice(tree.label_files(), NAMED)),
        *(path for paths in dropped.values() for path in paths),
    ]
    told = "; ".join(labels[:NAMED]) or (f"such as {', '.join(others[:NAMED])}" if others else "")
    return DatasetError(
        f"no image in the source; found {_census(tree, dropped)}{f'; {told}' if told else ''}",
        hint="a source is a folder or an archive that holds images (jpg, png, …) and their labels",
    )


def without_labels(tree: Tree, formats: Mapping[str, Format], dropped: Dropped) -> DatasetError:
    """Return the refusal of a source with images, of whose labels no format recognises one."""
    looks: list[str] = []
    ways_out: dict[str, None] = {}
    for path, kind in lookalikes(tree, {suffix: paths[0] for suffix, paths in dropped.items()}):
        looks.append(f"{path} looks like {kind.title}")
        ways_out[kind.way_out] = None
    unread = [text for each in formats.values() for text in islice(each.unread(tree), NAMED)]
    for path, each, rows in _labels_of_nobody(tree, formats):
        if any(text.startswith(f"{path} ") for text in unread):
            continue
        looks.append(f"{path} looks like {each.title} ({rows} rows), but no image belongs to it")
        ways_out[f"put label files where they are looked up: {each.dialects[0]}"] = None
    looks += unread
    if not looks:
        others = [*islice(tree.label_files(), NAMED), *(path for paths in dropped.values() for path in paths)]
        looks = [f"such as {', '.join(others[:NAMED])}"] if others else []
    told = f"; {'; '.join(looks[:NAMED])}" if looks else ""
    titles = ", ".join(each.title for each in formats.values())
    return DatasetError(
        f"no labels recognised in the source; found {_census(tree, dropped)}{told}",
        hint="; ".join(ways_out)
        or f"labels that are read: {titles}; docs/formats.md shows how each lies beside its images",
    )


def _labels_of_nobody(tree: Tree, formats: Mapping[str, Format]) -> list[tuple[str, Format, int]]:
    """Return files that are labels of a format whose images are not found, an example for each format."""
    found: dict[str, tuple[str, Format, int]] = {}
    for suffix in SUFFIXES:
        for path in islice(tree.files(suffix), TRIED):
            for name, each in formats.items():
                rows = each.rows_in(tree, path) if name not in found else None
                if rows:
                    found[name] = (path, each, rows)
                    break
    return list(found.values())


def _census(tree: Tree, dropped: Dropped) -> str:
    counts = tree.census() | {suffix or "other": len(paths) for suffix, paths in dropped.items()}
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:8]
    return ", ".join(f"{count} {suffix}" for suffix, count in most) or "no file"
