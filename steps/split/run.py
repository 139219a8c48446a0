"""Write `splits.json`: who trains, who chooses the epoch, who judges."""

from steps.dataset import Dataset, Splits
from steps.errors import DatasetError
from steps.split.contract import SplitInputs, SplitOutputs
from steps.split.groups import join
from steps.split.stratify import Division
from steps.workspace import Workspace

PARTS = ("train", "valid", "test")

NAMED = 5
"""Absent classes that are named; a data set can have a thousand."""


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
    said = [", ".join(f"{count} {part}" for part, count in sizes.items()), *_absences(dataset.info.classes, division)]
    work.progress(1, 1, "; ".join(said))
    return SplitOutputs(splits=path, **sizes)


def _absences(classes: tuple[str, ...], division: Division) -> list[str]:
    """Say which classes a part has no image of, whose scores then say nothing about them: how many, and the first few."""
    absences = []
    for part, groups in zip(PARTS, division.parts, strict=True):
        shown = {label for group in groups for label in group.labels}
        missing = [name for label, name in enumerate(classes) if label not in shown]
        if missing:
            named = ", ".join(map(repr, missing[:NAMED])) + (", …" if len(missing) > NAMED else "")
            absences.append(f"{part} has no image of {len(missing)} of {len(classes)} classes: {named}")
    return absences
