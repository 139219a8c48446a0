"""Write `splits.json`: who trains, who chooses the epoch, who judges."""

from collections.abc import Sequence

from steps.dataset import Dataset, Splits
from steps.dataset.canonical import Leaks, Origin
from steps.errors import DatasetError
from steps.split.contract import SplitInputs, SplitOutputs
from steps.split.duplicates import count_copies, write_duplicates
from steps.split.groups import LEAST_GROUPS, Images, Together, find_groups, make_groups
from steps.split.kept import PARTS, Groups, SourceSplit, source_split
from steps.split.stratify import Division
from steps.workspace import Workspace

NAMED = 5
"""Absent classes that are named; a data set can have a thousand."""


def split(inputs: SplitInputs, work: Workspace) -> SplitOutputs:
    """Divide the data set's images.

    Raises:
        DatasetError: If there are fewer groups of images than parts, or the source's split is wanted and cannot be kept.
    """
    dataset = Dataset.open(inputs.dataset)
    images = Images.of(dataset.records())
    together = find_groups(images, near_duplicates=inputs.near_duplicates == "auto")
    source = source_split(images, together.groups)
    hindrance = source.hindrance(images, forced=inputs.split == "source")
    if inputs.split == "source" and hindrance:
        raise DatasetError(
            f"--split=source: {hindrance}",
            hint="use --split=fresh to draw one; parts are told by folders, lists or columns called train, valid or val, and test",
        )
    keeps = inputs.split != "fresh" and not hindrance
    parts = _kept(source, images, inputs) if keeps else _drawn(together, images, inputs)
    names = {part: tuple(sorted(images.files[i] for group in parts[part] for i in group)) for part in PARTS}
    splits = Splits(
        seed=inputs.seed,
        fractions=_fractions(inputs),
        mode="source" if keeps else "fresh",
        reason=_reason(inputs, hindrance, source),
        origins={part: _origin(part, source) if keeps else "drawn" for part in PARTS},
        nowhere=source.nowhere if keeps else 0,
        leaks=_leaks(source, images),
        copies=count_copies(images, together),
        taken_out=tuple(sorted(images.files[i] for i in source.taken)) if keeps else (),
        **names,
    )
    path, duplicates = work.out / "splits", work.out / "duplicates"
    path.write_text(splits.model_dump_json(indent=1) + "\n", encoding="utf-8")
    write_duplicates(duplicates, dataset, images, together, source.leaks)
    work.progress(1, 1, "; ".join([*_summary(splits), *_absences(dataset.info.classes, parts, images)]))
    return SplitOutputs(splits=path, duplicates=duplicates, **{part: len(files) for part, files in names.items()})


def _drawn(together: Together, images: Images, inputs: SplitInputs) -> dict[str, Groups]:
    if len(together.groups) < LEAST_GROUPS:
        raise DatasetError(
            f"the {len(images.files)} images form {len(together.groups)} group(s), where train, valid and test each need one",
            hint="add images; identical images, and images that --group-pattern of `ingest` joins, stay together",
        )
    return _divided(together.groups, images, inputs, PARTS)


def _kept(source: SourceSplit, images: Images, inputs: SplitInputs) -> dict[str, Groups]:
    if not source.missing:
        return source.parts
    return source.parts | _divided(source.parts["train"], images, inputs, ("train", source.missing))


def _divided(groups: Groups, images: Images, inputs: SplitInputs, parts: Sequence[str]) -> dict[str, Groups]:
    fractions = _fractions(inputs)
    whole = sum(fractions[part] for part in parts)
    division = Division(make_groups(images, groups, inputs.seed), [fractions[part] / whole for part in parts])
    return {part: [list(group.members) for group in dealt] for part, dealt in zip(parts, division.parts, strict=True)}


def _fractions(inputs: SplitInputs) -> dict[str, float]:
    return {part: getattr(inputs, f"{part}_fraction") for part in PARTS}


def _origin(part: str, source: SourceSplit) -> Origin:
    return "cut from train" if part == source.missing else "source"


def _reason(inputs: SplitInputs, hindrance: str, source: SourceSplit) -> str:
    if inputs.split == "fresh":
        return "--split=fresh"
    if hindrance:
        return hindrance
    return f"the source has {', '.join(source.named)}"


def _leaks(source: SourceSplit, images: Images) -> Leaks:
    valid = sum(images.splits[index] == "valid" for index in source.taken)
    return Leaks(groups=len(source.leaks), train=len(source.taken) - valid, valid=valid)


def _summary(splits: Splits) -> list[str]:
    sizes = ", ".join(f"{len(splits.names(part))} {part}" for part in PARTS)
    said = [f"{sizes} ({'as the source has it' if splits.mode == 'source' else 'drawn'})"]
    if splits.copies.groups:
        said.append(f"groups of copies: {splits.copies.groups}, with {splits.copies.images} images")
    if splits.copies.apart:
        said.append(
            f"groups of {', '.join(map(str, splits.copies.apart[:NAMED]))} alike images were too large to keep together"
        )
    if splits.taken_out:
        said.append(f"{len(splits.taken_out)} taken out, for a copy in a split nearer to the final score")
    return said


def _absences(classes: tuple[str, ...], parts: dict[str, Groups], images: Images) -> list[str]:
    """Say which classes a part has no image of, whose scores then say nothing about them: how many, and the first few."""
    absences = []
    for part in PARTS:
        shown = {label for group in parts[part] for index in group for label in images.classes[index]}
        missing = [name for label, name in enumerate(classes) if label not in shown]
        if missing:
            named = ", ".join(map(repr, missing[:NAMED])) + (", …" if len(missing) > NAMED else "")
            absences.append(f"{part} has no image of {len(missing)} of {len(classes)} classes: {named}")
    return absences
