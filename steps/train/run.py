"""Train a detector."""

import hashlib
import json
import os
import shutil
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from steps.dataset import Dataset, Splits
from steps.toolchain import available_memory, go_offline, versions
from steps.train.arguments import arguments_for, epochs_for, find_device
from steps.train.base_model import BaseModel, find_base_model
from steps.train.contract import BESIDE, TrainInputs, TrainOutputs
from steps.train.epochs import KeptEpoch, KeptEpochs
from steps.train.failures import explained
from steps.train.layout import memory_needed, write_layout
from steps.train.results import MAP50, MAP50_95, SECONDS, Row, read_results, write_events
from steps.train.stored_epochs import StoredEpochs
from steps.workspace import Workspace


def train(inputs: TrainInputs, work: Workspace) -> TrainOutputs:
    """Train, or go on with the training that an earlier attempt at the same inputs left in `work.state`."""
    dataset, splits = Dataset.open(inputs.dataset), Splits.read(inputs.splits)
    with work.scratch("train") as scratch:
        go_offline(scratch / "settings")
        model = find_base_model(inputs.base_model, inputs.base_model_sha256, scratch / "base")
        device = find_device(inputs.device)
        kept = KeptEpochs(work.state / "train")
        digest = _digest(inputs, dataset, splits, model)
        attempts = kept.begin(digest)
        if inputs.state:
            attempts = StoredEpochs(inputs.state, inputs.checkpoint_every).begin(kept, digest, attempts)
        newest = kept.newest()
        if not newest or not newest.finished:
            data = write_layout(dataset, splits, scratch / "data")
            cache = 2 * memory_needed(dataset, splits, inputs.image_size) < available_memory()
            save_dir = kept.folder / "run"
            _fit(
                inputs,
                arguments_for(inputs, model, device=device, data=data, save_dir=save_dir, cache=cache),
                resumed=newest,
            )
            newest = kept.newest()
        assert newest  # noqa: S101  (a training that ends without an error has finished an epoch)
        rows = read_results(newest.results)
        best = next(row for row in rows if row["epoch"] == newest.best)
        checkpoint = work.out / "checkpoint"
        weights = _write_checkpoint(newest, rows, checkpoint)
        summary = {
            "base_model": model.told,
            "device": inputs.device,
            "epochs_planned": epochs_for(inputs),
            "epochs_done": newest.number,
            "seconds": round(rows[-1][SECONDS], 3),
            "image_size": inputs.image_size,
            "batch": weights["train_args"]["batch"],
            "seed": inputs.seed,
            "parameters": sum(parameter.numel() for parameter in weights["model"].parameters()),
            "best_epoch": newest.best,
            "map50": best[MAP50],
            "map50_95": best[MAP50_95],
            "classes": list(dataset.info.classes),
            "attempts": attempts,
            "versions": versions(),
        }
        (checkpoint / "train.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return TrainOutputs(checkpoint=checkpoint, map50=best[MAP50], map50_95=best[MAP50_95], epochs_done=newest.number)


def _digest(inputs: TrainInputs, dataset: Dataset, splits: Splits, model: BaseModel) -> str:
    """Return a digest of all that shapes the training: with the same one, an attempt may go on where one stopped."""
    parameters = inputs.model_dump(mode="json", exclude={"dataset", "splits", *BESIDE})
    told = {
        "dataset": dataset.info.digest,
        "splits": splits.model_dump(mode="json"),
        "parameters": parameters,
        "model": hashlib.sha256(model.file.read_bytes()).hexdigest(),
        "versions": versions(),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _fit(inputs: TrainInputs, arguments: dict[str, Any], *, resumed: KeptEpoch | None) -> None:
    from steps.train.trainer import DetectorTraining  # noqa: PLC0415  (imports torch: after `go_offline`)

    save_dir = Path(arguments["save_dir"])
    shutil.rmtree(save_dir, ignore_errors=True)
    if resumed:
        save_dir.mkdir(parents=True)
        shutil.copyfile(resumed.results, save_dir / "results.csv")
        arguments = {**arguments, "resume": str(resumed.last_weights)}
    # Progress and errors go to stderr. What ultralytics says beside its log, and torch's advice to it, is for neither.
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), warnings.catch_warnings(), explained(inputs):
        warnings.simplefilter("ignore")
        DetectorTraining(overrides=arguments).train()


def _write_checkpoint(epoch: KeptEpoch, rows: list[Row], folder: Path) -> dict[str, Any]:
    """Write weights without the optimizer's state, the table and the TensorBoard events; return what best.pt holds."""
    from ultralytics.utils.torch_utils import strip_optimizer  # noqa: PLC0415  (imports torch: after `go_offline`)

    folder.mkdir(parents=True)
    # Ultralytics notes the git remote of the folder it runs in, which may hold a password.
    best, _ = (
        strip_optimizer(source, str(folder / source.name), updates={"git": None})
        for source in (epoch.best_weights, epoch.last_weights)
    )
    shutil.copyfile(epoch.results, folder / "results.csv")
    write_events(rows, folder)
    return dict(best)
