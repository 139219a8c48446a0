"""Turn labelled images, however they come, into the canonical data set."""

import json
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from steps.dataset import Box, DatasetInfo, DatasetWriter, ImageRecord, Mask
from steps.dataset.formats import Picture, Source, recognise
from steps.dataset.formats.label_studio import LabelStudioSource
from steps.dataset.issues import TREATMENTS, Issue, Rejection
from steps.dataset.split_names import of_folders
from steps.dataset.tree import Tree
from steps.errors import DatasetError
from steps.ingest.archive import unpack
from steps.ingest.class_rules import ClassRules
from steps.ingest.contract import IngestInputs, IngestOutputs
from steps.ingest.extraction import Extraction
from steps.ingest.intake import write_intake, write_refusal
from steps.ingest.ledger import Entry, Ledger
from steps.ingest.limits import Limits
from steps.ingest.pool import each_in_order, in_batches, warm_up
from steps.ingest.preparation import Settings, Task, prepare
from steps.ingest.remote import download, is_remote, place_of
from steps.ingest.thumbnails import draw_quarantine, draw_samples
from steps.ingest.twins import linked_twins
from steps.ingest.verdict import SHOWN, described, refuse_if_bad, rejected
from steps.runtime.cores import available_cores
from steps.store.listing import listing_digest
from steps.store.redaction import redact
from steps.store.source import fetch
from steps.workspace import Workspace

BATCH = 16
"""Images that a worker takes at once."""


def ingest(inputs: IngestInputs, work: Workspace) -> IngestOutputs:
    """Fetch, unpack, recognise, check and write; see the contract."""
    rules = ClassRules.parse(inputs.classes, inputs.rename_classes)
    workers = inputs.workers or available_cores()
    if workers > 1:
        warm_up()
    # Before anything is fetched: what arrives in the meantime then counts as new, even if some of it was read.
    listing = listing_digest(inputs.source)
    with work.scratch("ingest") as scratch, Ledger(scratch / "ledger.sqlite") as ledger:
        try:
            info = _take_in(inputs, rules, ledger, scratch, workers=workers, work=work)
        except DatasetError as refusal:
            write_refusal(work.out / "intake", ledger, redact(inputs.source), refusal)
            raise
        aside = sum(rejected(ledger, "row").values()) + sum(rejected(ledger, "image").values())
    return IngestOutputs(
        dataset=work.out / "dataset",
        intake=work.out / "intake",
        images=info.images,
        boxes=info.boxes,
        quarantined=aside,
        digest=info.digest,
        listing=listing,
    )


def _take_in(
    inputs: IngestInputs, rules: ClassRules, ledger: Ledger, scratch: Path, *, workers: int, work: Workspace
) -> DatasetInfo:
    """Write the data set and the intake report.

    Raises:
        DatasetError: If the source is refused.
    """
    folder = _folder(inputs, scratch, ledger, work)
    with Tree.scan(
        folder, scratch / "tree.sqlite", ledger.note, lambda size: _limits(inputs, size).count_bytes
    ) as tree:
        try:
            return _read_tree(tree, inputs, rules, ledger, scratch, workers=workers, work=work)
        except DatasetError:
            ledger.leave_rest(tree)
            raise


def _read_tree(
    tree: Tree,
    inputs: IngestInputs,
    rules: ClassRules,
    ledger: Ledger,
    scratch: Path,
    *,
    workers: int,
    work: Workspace,
) -> DatasetInfo:
    """Write the data set and the intake report; see `_take_in`."""
    chosen = recognise(tree, inputs.format, ledger.dropped())
    source = chosen.open(tree, rules.keep)
    if isinstance(source, LabelStudioSource):
        _refuse_unknown_labels(source, rules)
    dataset, intake = work.out / "dataset", work.out / "intake"
    images = dataset / "images"
    images.mkdir(parents=True)
    hashed = inputs.near_duplicates == "auto"
    settings = Settings(images, inputs.max_pixels, inputs.group_pattern, rules, scratch, inputs.unlabelled, hashed)
    read = _read_all(source, tree, settings, ledger, workers=workers, work=work)
    ledger.close_accounts(tree, chosen)
    if not read:
        raise _without_images(tree, ledger)
    refuse_if_bad(ledger, inputs.max_bad_share)
    classes = _classes(rules, source, ledger)
    _note_absent(rules, classes, source, ledger)
    info = _write(dataset, ledger, classes, redact(inputs.source), chosen.name)
    thumbnails = intake / "thumbnails"
    thumbnails.mkdir(parents=True)
    original = partial(_original, tree, scratch)
    pictures = {
        "thumbnails": draw_samples(ledger, images, thumbnails, classes),
        "quarantine_thumbnails": draw_quarantine(ledger, images, thumbnails, classes, original),
    }
    write_intake(intake, ledger, info, source.layout, pictures)

    return info


def _folder(inputs: IngestInputs, scratch: Path, ledger: Ledger, work: Workspace) -> Path:
    """Return a folder with what the source holds: fetched, and unpacked where it is an archive."""
    fetched = fetch(
        inputs.source,
        scratch / "fetched",
        inputs.source_sha256,
        max_bytes=inputs.max_bytes,
        report=work.progress,
    )
    if fetched.is_dir():
        return fetched
    extraction = Extraction(scratch / "unpacked", _limits(inputs), ledger.note, work.progress)
    unpack(fetched, extraction)
    return extraction.into


def _limits(inputs: IngestInputs, packed: int = 0) -> Limits:
    """Return the limits of an archive, or of other files of `packed` bytes that pictures are taken out of."""
    return Limits(inputs.max_entries, inputs.max_bytes, inputs.max_ratio, packed)


def _read_all(source: Source, tree: Tree, settings: Settings, ledger: Ledger, *, workers: int, work: Workspace) -> int:
    """Prepare every image that is there, and return how many that are."""
    total = ledger.name_all(source.pictures())
    remote = (picture.path for picture in source.pictures() if is_remote(picture.path))
    download(remote, settings.owned / "remote")
    batches = in_batches(_tasks(source, tree, settings, ledger), BATCH)
    done = 0
    for outcomes in each_in_order(partial(prepare, settings=settings), batches, min(workers, -(-total // BATCH) or 1)):
        for outcome in outcomes:
            ledger.add(outcome)
        done += len(outcomes)
        work.progress(done, total, f"{done:,} of {total:,} images read")
    for issue in source.left_out():
        ledger.note(issue)
    for path in source.files():
        ledger.accounts.file("label_files", path, "used")
    return done


def _tasks(source: Source, tree: Tree, settings: Settings, ledger: Ledger) -> Iterator[Task]:
    twins = linked_twins(source, tree)
    for picture in source.pictures():
        if picture.path in twins:
            ledger.note(Issue("same_file", picture.path))
            continue
        file = _original(tree, settings.owned, picture.path)
        if not file.exists():
            ledger.note(Issue("image_missing", picture.path, rows=_rows_of(picture)))
        else:
            split = picture.split or of_folders(picture.path)
            yield Task(file, picture.path, ledger.name_of(picture), picture.labels, split)


def _rows_of(picture: Picture) -> int:
    """Return how many label rows are lost with an image that is not there."""
    try:
        return picture.labels.read().total
    except Rejection:
        return 0


def _original(tree: Tree, scratch: Path, path: str) -> Path:
    return place_of(path, scratch / "remote") if is_remote(path) else tree.place(path)


def _without_images(tree: Tree, ledger: Ledger) -> DatasetError:
    """Return the refusal of a source with labels none of which are about an image that is there."""
    lost = [
        (code, count)
        for action in ("rejected", "left_out")
        for code, count in ledger.counts.most_common()
        if TREATMENTS[code].action == action
    ]
    told = "; ".join(described(ledger, code, count) for code, count in lost[:SHOWN])
    if lost and lost[0][0] == "unreviewed":
        hint = "finish the labelling and export again: tasks without a submitted annotation, or with predictions alone, are not labelled"
    elif next(tree.pictures(), None):
        hint = "give the images their names in the labels, or put both into one source"
    else:
        hint = "the source has no image: give a folder or an archive that holds labels and images"
    return DatasetError(f"no image has labels that can be read{f': {told}' if told else ''}", hint=hint)


def _refuse_unknown_labels(source: LabelStudioSource, rules: ClassRules) -> None:
    """Refuse labels that `--classes` does not have: in a project of one's own, that is a mistake in one of the two."""
    if not rules.keep:
        return
    unknown: dict[str, str] = {}
    for label, image in source.labels():
        if rules.final(label) is None and not rules.dropped_on_purpose(label):
            unknown.setdefault(label, image)
    if unknown:
        told = ", ".join(f"{label!r} (first on {image})" for label, image in sorted(unknown.items())[:10])
        raise DatasetError(
            f"labels that are not among --classes={','.join(rules.keep)}: {told}",
            hint="add them to --classes, or rename or drop them with --rename-classes, as in old=new or old=",
        )


def _classes(rules: ClassRules, source: Source, ledger: Ledger) -> tuple[str, ...]:
    """Return the classes of the data set; see `ClassRules.order`.

    Raises:
        DatasetError: If there is none; it names some images.
    """
    try:
        return rules.order(source.names, ledger.classes, ledger.seen)
    except DatasetError as refusal:
        images = ", ".join(entry.source for entry in islice(ledger.entries(), SHOWN))
        raise DatasetError(f"{refusal.message}; images are {images}", hint=refusal.hint) from None


def _note_absent(rules: ClassRules, classes: tuple[str, ...], source: Source, ledger: Ledger) -> None:
    known = {*(source.names or ()), *ledger.seen}
    absent = [name for name in classes if name not in ledger.classes and name not in map(rules.final, known)]
    for name in [*absent, *rules.absent(known)]:
        ledger.note(Issue("class_absent", "", None, name))


def _write(dataset: Path, ledger: Ledger, classes: tuple[str, ...], source: str, source_format: str) -> DatasetInfo:
    index = {name: place for place, name in enumerate(classes)}
    with DatasetWriter(dataset, classes=classes, source=source, source_format=source_format) as writer:
        for entry in ledger.entries():
            writer.add(_record(entry, index))
    return writer.info


def _record(entry: Entry, index: dict[str, int]) -> ImageRecord:
    """Return the record of one image, its boxes in an order that does not depend on the source's."""
    boxes = [
        Box(
            xyxy=xyxy,
            label=index[name],
            rings=rings,
            mask=mask and Mask(size=mask[:2], counts=mask[2]),
            attributes=attributes,
        )
        for name, xyxy, rings, mask, attributes in json.loads(entry.boxes)
    ]
    return ImageRecord(
        file=entry.file,
        width=entry.width,
        height=entry.height,
        sha256=entry.sha256,
        source=entry.source,
        group=entry.group,
        split=entry.split,
        phash=entry.phash,
        boxes=tuple(sorted(boxes, key=_order)),
    )


def _order(box: Box) -> tuple[object, ...]:
    mask = box.mask.counts if box.mask else ""
    return box.label, box.xyxy, box.rings or (), mask, sorted(box.attributes.items())
