"""Ultralytics' trainer, with epochs that survive a kill, all cores at work, and nothing done that nobody reads."""

import math
import shutil
import time
from pathlib import Path
from typing import Any

import torch
import yaml
from torch.utils.flop_counter import FlopCounterMode
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils import DEFAULT_CFG

from steps.runtime.cores import available_cores
from steps.toolchain import keep_freed_memory
from steps.train.epochs import KeptEpochs
from steps.train.results import MAP50, SECONDS, read_results
from steps.train.stored_epochs import StoredEpochs
from steps.workspace import Progress

STEPS_AN_EPOCH = 30
"""An automatic batch on a GPU leaves at least so many steps an epoch, where the images allow: steps are what learns."""

FLOPS_A_THREAD = 25e6
"""Work that one more thread must find in the average convolution of a batch. Measured on two cores: at 18 million two
threads save a tenth at best and, where another process runs, cost many times that; at 57 million they save a quarter,
at 230 million two fifths."""


class NonFiniteLossError(RuntimeError):
    """The loss of the first epoch is not a number: there is no earlier state to go back to."""


class DetectorTraining(DetectionTrainer):  # type: ignore[misc]  # ultralytics has no types
    """One training of one detector, kept beside its `save_dir` epoch by epoch.

    All that it needs it finds in ultralytics' own arguments: with several GPUs, each process builds its own. Not
    called a trainer, because ultralytics connects its cloud platform to every class with that word in its name.
    """

    model: Any

    def __init__(self, cfg: Any = DEFAULT_CFG, overrides: dict[str, Any] | None = None, _callbacks: Any = None) -> None:
        super().__init__(cfg, overrides, _callbacks)
        self.kept = KeptEpochs(self.save_dir.parent)
        self.stored = StoredEpochs.beside(self.kept)
        self.epoch_progress = Progress(interval_s=0, line_interval_s=0)
        # The log has a line an epoch; who watches sees the batches, too.
        self.batch_progress = Progress(interval_s=5, line_interval_s=math.inf)

    def get_dataset(self) -> dict[str, Any]:
        """Read the data set's description. Ultralytics' own way also fetches a font from the network."""
        path = Path(self.args.data)
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
        root = Path(told["path"])
        folders = {split: str(root / told[split]) for split in ("train", "val")}
        return {**told, **folders, "path": root, "yaml_file": str(path), "nc": len(told["names"]), "channels": 3}

    def auto_batch(self) -> int:
        """Return the batch that fits on the GPU, or a smaller one where few images would make few steps."""
        fits = int(super().auto_batch())
        images = sum(1 for _ in Path(self.data["train"]).iterdir())
        return min(fits, max(16, images // STEPS_AN_EPOCH))

    def _build_train_pipeline(self) -> None:
        self.args.nbs = self.batch_size  # The optimizer steps at every batch.
        super()._build_train_pipeline()

    def setup_model(self) -> Any:
        """Build or load the network; on the CPU with channels last in memory, which convolves a quarter faster there."""
        checkpoint = super().setup_model()
        if self.device.type == "cpu":
            self.model = self.model.to(memory_format=torch.channels_last)
        return checkpoint

    def build_optimizer(self, *args: Any, **kwargs: Any) -> Any:
        """Build the optimizer; on the CPU too as one fused kernel, which ultralytics asks for on GPUs only."""
        optimizer = super().build_optimizer(*args, **kwargs)
        if self.device.type == "cpu" and type(optimizer) in (torch.optim.AdamW, torch.optim.SGD):
            groups = [group | {"fused": True} for group in optimizer.param_groups]
            return type(optimizer)(groups, fused=True)
        return optimizer

    def run_callbacks(self, event: str) -> None:
        """Follow the training; overridden rather than registered, so that every process of several GPUs does it."""
        if event == "on_train_start":
            self._on_start()
        elif event == "on_train_batch_end":
            self._batches_done += 1
            if self._batches_done % len(self.train_loader):  # The last one is reported as an epoch, with its score.
                self._report(self.batch_progress, self._batches_done)
        super().run_callbacks(event)

    def _on_start(self) -> None:
        if self.device.type == "cpu":
            torch.set_num_threads(self._threads())
            keep_freed_memory()
        rows = read_results(self.csv)
        self.train_time_start -= rows[-1][SECONDS] if rows else 0  # The time column goes on where it was.
        self._batches_done = self.start_epoch * len(self.train_loader)
        self._started, self._started_at = time.monotonic(), self._batches_done
        self._map50 = rows[-1][MAP50] if rows else None

    def _threads(self) -> int:
        """Return how many threads pay: all cores for large images, one where a convolution is done before others wake.

        It depends on network, image size and batch alone: another number of threads rounds differently.
        """
        network = self.ema.ema
        image = torch.zeros(1, 3, self.args.imgsz, self.args.imgsz)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(image)
        convolutions = sum(isinstance(part, torch.nn.Conv2d) for part in network.modules())
        each = counter.get_total_flops() * self.batch_size / convolutions
        return int(min(available_cores(), 1 + each // FLOPS_A_THREAD))

    def read_results_csv(self) -> dict[str, Any]:
        """Return nothing: the table lies beside the checkpoint, and reading it into each one takes a data frame library."""
        return {}

    def save_model(self) -> bool:
        """Write last.pt, best.pt and results.csv of this epoch, to appear together or not at all; save them in time."""
        number = self.epoch + 1
        with self.kept.keep(number, finished=bool(self.stop)) as folder:
            self.wdir, self.last, self.best = folder, folder / "last.pt", folder / "best.pt"
            super().save_model()
            shutil.copyfile(self.csv, folder / "results.csv")
        kept = self.kept.newest()
        assert kept  # noqa: S101  (it was just written)
        self.wdir, self.last, self.best = kept.folder, kept.last_weights, kept.best_weights
        if self.stored:
            self.stored.save(kept)
        self._map50 = self.metrics.get(MAP50, 0)
        self._report(self.epoch_progress, number * len(self.train_loader))
        return True

    def _report(self, progress: Progress, batches: int) -> None:
        """Report how far the training is: the epoch, the score of the last one that ended, and the time left."""
        total = self.epochs * len(self.train_loader)
        left = (time.monotonic() - self._started) / (batches - self._started_at) * (total - batches)
        words = [
            f"epoch {-(-batches // len(self.train_loader))} of {self.epochs}",
            *([] if self._map50 is None else [f"mAP50 {self._map50:.2f}"]),
            f"{_spell(left)} left",
        ]
        progress(batches, total, ", ".join(words))

    def _load_checkpoint_state(self, ckpt: dict[str, Any]) -> None:
        super()._load_checkpoint_state(ckpt)
        # The fused kernels walk parameter and state side by side in memory: in another layout they would mix them up.
        for parameter, state in self.optimizer.state.items():
            for name, value in state.items():
                if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                    state[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)

    def _handle_nan_recovery(self, epoch: int) -> bool:
        if epoch == self.start_epoch and not self.kept.newest() and not self.loss.isfinite():
            raise NonFiniteLossError(f"the loss of epoch {epoch + 1} is {float(self.loss)}")
        return bool(super()._handle_nan_recovery(epoch))

    def final_eval(self) -> None:
        """Do nothing: ultralytics would score the best epoch again, which its own row in results.csv has already."""


def _spell(seconds: float) -> str:
    minutes = round(seconds / 60)
    return (
        f"{minutes // 60} h {minutes % 60} min"
        if minutes >= 60
        else f"{minutes} min"
        if minutes
        else f"{seconds:.0f} s"
    )
