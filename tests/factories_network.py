"""Networks of random weights, as a training begins with them or as one that has hardly learned leaves them."""

import warnings
from pathlib import Path

from steps.export.network import Network
from steps.train.base_model import TINY

BATCHES = 3
"""Of random pictures, which the statistics of normalisation are taken from."""


def random_network(
    seed: int, *, architecture: Path = TINY, classes: int = 3, size: int = 64, calibrated: bool = True, bias: float = 0
) -> Network:
    """Return a detector of random weights.

    As initialised, it lets hardly anything of a picture through: its answer is nearly the same for all. `calibrated`
    sets the statistics of its normalisations by random pictures, as the first steps of a training do. `bias` is added
    to what scores are made of: an untrained head finds everything unlikely.
    """
    import torch  # noqa: PLC0415
    from ultralytics.nn.tasks import DetectionModel  # noqa: PLC0415

    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = DetectionModel(str(architecture), nc=classes, verbose=False)
    for name, branch in module.model[-1].named_children():
        if name.endswith("cv3"):
            for scale in branch:
                scale[-1].bias.data += bias
    if calibrated:
        for part in module.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.momentum = 0.9
        with torch.no_grad():
            for _ in range(BATCHES):
                module.train()(
                    torch.rand(4, 3, size // 16, size // 16).repeat_interleave(16, 2).repeat_interleave(16, 3)
                )
    # Rounded once: checkpoints keep their weights in float16.
    module = module.half().float().eval().requires_grad_(requires_grad=False)
    module.end2end = False
    return Network(module, tuple(f"class {index}" for index in range(classes)), size, "random")
