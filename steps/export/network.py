"""The trained network, out of its checkpoint."""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from ultralytics.nn.modules import C2f, Detect
from ultralytics.nn.tasks import torch_safe_load

from steps.errors import ModelError
from steps.runtime.card import ModelOutput

_HINT = "point --checkpoint at the folder that the `train` step wrote"


@dataclass(frozen=True, slots=True)
class Network:
    """A detector as torch runs it; itself a backend, whose answers the exported files are held to.

    Attributes:
        module: The network, in float32.
        classes: Class names.
        size: Side of the square input, pixels.
        base_model: What training started from.
    """

    module: Any
    classes: tuple[str, ...]
    size: int
    base_model: str

    @classmethod
    def load(cls, checkpoint: Path) -> Self:
        """Load `best.pt` of a checkpoint folder: weights of known classes only, nothing in it is executed.

        Raises:
            ModelError: If the folder or the file is not what `train` writes.
        """
        try:
            told = json.loads((checkpoint / "train.json").read_bytes())
            size, base_model = int(told["image_size"]), str(told["base_model"])
            content, _ = torch_safe_load(checkpoint / "best.pt", safe_only=True)
            module = (content.get("ema") or content["model"]).float().eval()
            head, names = module.model[-1], module.names
        except Exception as error:  # noqa: BLE001  (a damaged file fails in ways without a common class)
            raise ModelError(
                f"no usable checkpoint in {checkpoint}: {type(error).__name__}: {str(error).splitlines()[0][:200]}",
                hint=_HINT,
            ) from None
        if not isinstance(head, Detect):
            raise ModelError(f"best.pt in {checkpoint} ends in {type(head).__name__}, not in a detector", hint=_HINT)
        module.requires_grad_(requires_grad=False)
        # Overlapping boxes are dropped outside the network, where the threshold can be chosen: as in validation.
        module.end2end = False
        return cls(module, tuple(names[index] for index in sorted(names)), size, base_model)

    def example(self) -> torch.Tensor:
        """Return an input to trace with: [1, 3, size, size]."""
        return torch.zeros(1, 3, self.size, self.size)

    def infer(self, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network on [1, 3, size, size]."""
        with torch.inference_mode():
            answer = self.module(torch.from_numpy(tensor))
        return cast("NDArray[np.float32]", (answer[0] if isinstance(answer, tuple) else answer).numpy())

    def predictions(
        self, tensors: Sequence[NDArray[np.float32]]
    ) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
        """Return all predictions for each input, computed in float32, and the same computed in float64.

        A table an input, [N, 4 + classes]: the box as the output has it, then a score a class. All of them, also where
        the network's head would select the strongest. `prepare` must not have been called yet.
        """
        twin = copy.deepcopy(self.module)
        twin.model[-1].postprocess = lambda table: table
        computed: list[list[NDArray[np.float64]]] = []
        for precision in (torch.float32, torch.float64):
            twin.to(precision)
            with torch.inference_mode():
                answers = [twin(torch.from_numpy(tensor).to(precision))[0][0].double().numpy() for tensor in tensors]
            computed.append([answer if twin.model[-1].end2end else answer.T for answer in answers])
        return computed[0], computed[1]

    def longest_sum(self) -> int:
        """Return of how many products the longest sum in a layer consists."""
        return max(int(parameter[0].numel()) for parameter in self.module.parameters() if parameter.ndim > 1)

    def prepare(self) -> None:
        """Turn the network into what is exported: normalisation folded into convolutions, one tensor as the answer."""
        self.module.fuse(verbose=False)
        for part in self.module.modules():
            if isinstance(part, Detect):
                part.export, part.dynamic, part.shape = True, False, None
            elif isinstance(part, C2f):
                part.forward = part.forward_split  # A cleaner graph than chunks make.
        self.infer(self.example().numpy())  # Computes the anchors, which tracing then takes for constants.

    def output(self) -> ModelOutput:
        """Return how the answer is read, told from its shape.

        Raises:
            ModelError: If it is neither of the layouts that can be read.
        """
        shape = self.infer(self.example().numpy()).shape
        if len(shape) == 3 and shape[1] == 4 + len(self.classes):
            return ModelOutput(layout="yolo")
        if len(shape) == 3 and shape[2] == 6:
            return ModelOutput(layout="end2end")
        raise ModelError(f"the network answers with {list(shape)}, which nothing here can read", hint=_HINT)
