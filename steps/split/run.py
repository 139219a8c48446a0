"""Write `splits.json`: who trains, who chooses the epoch, who judges."""

from steps.dataset import Dataset, Splits
from steps.errors import DatasetError
from steps.split.contract import SplitInputs, SplitOutputs
from steps.split.groups import join
from steps.split.stratify import Division
from steps.workspace import Workspace

PARTS = ("train", "valid", "test")


def split(inputs: SplitInputs, work: Workspace) -> SplitOutputs:
    """Divide the data set's images.

    Raises:
        DatasetError: If there are fewer groups of images than parts.
    """
    dataset = Dataset.open(inputs.dataset)
    groups = join(dataset.records(), inputs.seed)
    if len(groups) < len(PARTS):
        raise DatasetError(
            f"the {dataset.info.images} images form {len(groups)} group(s), where train, valid and test each need one",
            hint="add images; identical images, and images that --group-pattern of `ingest` joins, stay together",
        )
    fractions = {part: getattr(inputs, f"{part}_fraction") for part in PARTS}
    division = Division(groups, list(fractions.values()))
    names = {
        part: tuple(sorted(name for group in groups_in for name in group.files))
        for part, groups_in in zip(PARTS, division.parts, strict=True)
    }
    splits = Splits(seed=inputs.seed, fractions=fractions, **names)
    path = work.out / "splits"
    path.write_text(splits.model_dump_json(indent=1) + "\n", encoding="utf-8")
    sizes = {part: len(files) for part, files in names.items()}
    work.progress(
        1,
        1,
        "; ".join(
            [", ".join(f"{count} {part}" for part, count in sizes.items()), *_absences(dataset.info.classes, division)]
        ),
    )
    return SplitOutputs(splits=path, **sizes)


def _absences(classes: tuple[str, ...], division: Division) -> list[str]:
    """Name the classes that a part has no image of: its score will say nothing about them."""
    shown = [{label for group in groups for label in group.labels} for groups in division.parts]
    return [
        f"no {name!r} in {' and '.join(missing)}"
        for label, name in enumerate(classes)
        if (missing := [part for part, labels in zip(PARTS, shown, strict=True) if label not in labels])
    ]
