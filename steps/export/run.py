"""Export a checkpoint, and hold every file to the checkpoint's answer."""

import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from steps.dataset import Dataset, Splits
from steps.errors import DatasetError, ModelError
from steps.export.contract import ExportInputs, ExportOutputs
from steps.export.format_names import ALWAYS, choose_formats
from steps.export.formats import Format, load_formats
from steps.runtime.card import CARD, ModelCard, ModelFormat, ModelInput
from steps.runtime.golden import EXPECTED, write_expected
from steps.runtime.integrity import file_digest
from steps.toolchain import go_offline, versions
from steps.workspace import Workspace

if TYPE_CHECKING:
    from steps.export.network import Network


def export(inputs: ExportInputs, work: Workspace) -> ExportOutputs:
    """Write the model folder."""
    names = choose_formats(inputs.formats)
    dataset, splits = Dataset.open(inputs.dataset), Splits.read(inputs.splits)
    model = work.out / "model"
    with work.scratch("export") as scratch, warnings.catch_warnings():
        go_offline(scratch)
        warnings.simplefilter("ignore")  # Torch's advice to those who trace.
        # These import torch and ultralytics, which read the environment that `go_offline` set.
        from steps.export import golden  # noqa: PLC0415
        from steps.export.agreement import Reference, make_pattern  # noqa: PLC0415
        from steps.export.network import Network  # noqa: PLC0415
        from steps.runtime.detector import Detector  # noqa: PLC0415

        network, formats = Network.load(inputs.checkpoint), load_formats(names)
        card = _card(network, formats, dataset.info.classes)
        trained = Detector(card, network)
        image = golden.choose_image(dataset, splits, model, trained.detect)
        pattern = make_pattern(network.size, network.size)
        reference = Reference.take(network, card.output, [trained.prepare(each)[0] for each in (image, pattern)])
        network.prepare()
        checked: dict[str, ModelFormat] = {}
        for done, (name, format_) in enumerate(formats.items(), 1):
            (model / name).mkdir()
            format_.write(network, model / name)
            exported = Detector(card, format_.open_backend(model / card.formats[name].file, card.input))
            try:
                difference = reference.check(exported.backend)
            except ModelError as error:
                raise ModelError(
                    f"{name} does not answer as the checkpoint does: {error.message}", hint=error.hint
                ) from None
            checked[name] = card.formats[name].model_copy(update={"max_score_difference": difference, "checked": True})
            if name == ALWAYS:
                write_expected(exported.detect(image), card.classes, model / EXPECTED)
            work.progress(done, len(formats), f"{name}, scores within {difference:.1e} of the checkpoint's")
    card.model_copy(update={"formats": checked, "files": _digests(model)}).write(model)
    return ExportOutputs(model=model, formats=",".join(names))


def _card(network: "Network", formats: Mapping[str, Format], classes: tuple[str, ...]) -> ModelCard:
    """Return the card of what is about to be exported, without its files."""
    if network.classes != classes:
        raise DatasetError(
            f"the checkpoint knows the classes {list(network.classes)}, the data set {list(classes)}",
            hint="give the data set that the checkpoint was trained on",
        )
    return ModelCard(
        classes=classes,
        input=ModelInput(width=network.size, height=network.size),
        output=network.output(),
        formats={name: ModelFormat(file=f"{name}/{format_.FILE}") for name, format_ in formats.items()},
        files={},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        base_model=network.base_model,
        versions=versions(),
    )


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CARD)
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in files}
