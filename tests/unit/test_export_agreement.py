"""Sound conversions of weak networks pass, broken ones do not: both on real networks of random weights."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from steps.errors import ModelError
from steps.export.format_names import choose_formats, known_formats
from steps.export.formats import load_formats
from steps.runtime.card import ModelInput, ModelOutput
from steps.runtime.detector import Backend
from steps.runtime.outputs import read_yolo
from steps.toolchain import go_offline

if TYPE_CHECKING:  # They import ultralytics, which reads the environment that `go_offline` sets.
    from steps.export.agreement import Reference
    from steps.export.network import Network

Floats = NDArray[np.float32]
Change = Callable[[Floats], Floats]
SIZE = 64
YOLO, END2END = ModelOutput(layout="yolo"), ModelOutput(layout="end2end")
SEEDS = range(3)


@pytest.fixture(scope="module", autouse=True)
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = dict(os.environ)
    go_offline(tmp_path_factory.mktemp("settings"))
    yield
    os.environ.clear()
    os.environ.update(before)


def reference_of(network: "Network", layout: ModelOutput = YOLO) -> "Reference":
    """What it predicts for a plain grey picture and for the test pattern."""
    from steps.export.agreement import Reference, make_pattern  # noqa: PLC0415

    side = network.size
    pattern = make_pattern(side, side)[..., ::-1].transpose(2, 0, 1)[None] / np.float32(255)
    return Reference.take(network, layout, [plain(side), np.ascontiguousarray(pattern, np.float32)])


def plain(side: int) -> Floats:
    return np.full((1, 3, side, side), 114 / 255, np.float32)


class Changed:
    """A backend whose input or output is not what it should be."""

    def __init__(
        self, whole: Backend, *, before: Change = lambda tensor: tensor, after: Change = lambda output: output
    ) -> None:
        self._whole, self._before, self._after = whole, before, after

    def infer(self, tensor: Floats) -> Floats:
        return np.ascontiguousarray(self._after(self._whole.infer(np.ascontiguousarray(self._before(tensor)))))


@pytest.fixture(scope="module", params=SEEDS)
def weak(request: pytest.FixtureRequest) -> tuple["Network", "Reference"]:
    """A network that has hardly learned, and what it predicts."""
    from tests.factories_network import random_network  # noqa: PLC0415

    network = random_network(request.param)
    return network, reference_of(network)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("calibrated", "bias"), [(False, 0), (True, 0), (True, 6)])
@pytest.mark.filterwarnings("ignore")
def test_onnx_agrees_whatever_the_weights_are(tmp_path: Path, seed: int, calibrated: bool, bias: float) -> None:
    from tests.factories_network import random_network  # noqa: PLC0415

    network, onnx = random_network(seed, calibrated=calibrated, bias=bias), load_formats(["onnx"])["onnx"]
    reference = reference_of(network)
    network.prepare()
    onnx.write(network, tmp_path)
    difference = reference.check(onnx.open_backend(tmp_path / onnx.FILE, ModelInput(width=SIZE, height=SIZE)))
    # A margin on either side: for a machine whose sums are worse, and nothing that is visible in a score.
    assert difference < reference.tolerance.score / 2
    assert reference.tolerance.score < 1e-3
    assert reference.tolerance.pixels < 0.1


def test_equal_scores_on_a_plain_background_are_no_evidence() -> None:
    """Rounding decides which of equal scores suppression keeps; compared is what it chooses from."""
    from tests.factories_network import random_network  # noqa: PLC0415

    network = random_network(0, calibrated=False, bias=6, size=320)
    reference = reference_of(network)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, reference.shape).astype(np.float32)
    noise[:, :4] *= reference.tolerance.pixels
    noise[:, 4:] *= reference.tolerance.score
    rounded = Changed(network, after=lambda output: output + noise)
    reference.check(rounded)

    one, other = (
        read_yolo(each.infer(plain(320)), confidence=0.25, iou=0.3, max_detections=300) for each in (network, rounded)
    )
    both = min(len(one), len(other))
    assert both > 1
    assert np.abs(one.xyxy[:both] - other.xyxy[:both]).max() > 8


def _swap_classes(output: Floats) -> Floats:
    return output[:, [0, 1, 2, 3, 5, 4, 6]]


def _xyxy(output: Floats) -> Floats:
    center, half = output[:, :2], output[:, 2:4] / 2
    return np.concatenate((center - half, center + half, output[:, 4:]), axis=1)


def _scores(change: Change) -> Change:
    return lambda output: np.concatenate((output[:, :4], change(output[:, 4:])), axis=1)


def _boxes(change: Change) -> Change:
    return lambda output: np.concatenate((change(output[:, :4]), output[:, 4:]), axis=1)


def _spoil(output: Floats) -> Floats:
    output = output.copy()
    output[0, 5, 3] = np.nan
    return output


BROKEN_OUTPUTS: dict[str, tuple[Change, str]] = {
    "transposed": (
        lambda output: output.transpose(0, 2, 1),
        r"answers with \[1, 80, 7\], the checkpoint with \[1, 7, 80\]",
    ),
    "transposed and taken for the other": (
        lambda output: output.transpose(0, 2, 1).reshape(output.shape),
        "the box of",
    ),
    "other order of predictions": (lambda output: output[..., ::-1], "the box of prediction"),
    "corners for center and size": (_xyxy, "the box of prediction"),
    "coordinates as shares": (_boxes(lambda boxes: boxes / np.float32(SIZE)), "the box of prediction"),
    "shifted by the letterbox": (
        _boxes(lambda boxes: boxes + np.array([[[0], [8], [0], [0]]], np.float32)),
        "the box of prediction",
    ),
    "grid without its half": (
        _boxes(lambda boxes: boxes - np.array([[[4], [4], [0], [0]]], np.float32)),
        "the box of prediction",
    ),
    "swapped classes": (_swap_classes, r"the score of class [01] in prediction \d+ is"),
    "scores 0": (_scores(np.zeros_like), "the score of class"),
    "scores constant": (_scores(lambda scores: np.full_like(scores, scores.mean())), "the score of class"),
    "scores without sigmoid": (_scores(lambda scores: np.log(scores / (1 - scores))), "the score of class"),
    "sigmoid twice": (_scores(lambda scores: (1 / (1 + np.exp(-scores))).astype(np.float32)), "the score of class"),
    "not finite": (_spoil, "not finite"),
}

BROKEN_INPUTS: dict[str, Change] = {
    "red and blue swapped": lambda tensor: tensor[:, ::-1],
    "not divided by 255": lambda tensor: tensor * 255,
    "divided twice": lambda tensor: tensor / np.float32(255),
    "turned": lambda tensor: tensor.transpose(0, 1, 3, 2),
    "mirrored": lambda tensor: tensor[..., ::-1],
    "off by one pixel": lambda tensor: np.roll(tensor, 1, axis=3),
}


@pytest.mark.parametrize("fault", BROKEN_OUTPUTS)
def test_an_output_that_means_something_else_is_found(weak: tuple["Network", "Reference"], fault: str) -> None:
    network, reference = weak
    change, words = BROKEN_OUTPUTS[fault]
    with pytest.raises(ModelError, match=words):
        reference.check(Changed(network, after=change))


@pytest.mark.parametrize("fault", BROKEN_INPUTS)
def test_an_input_that_is_taken_otherwise_is_found(weak: tuple["Network", "Reference"], fault: str) -> None:
    network, reference = weak
    with pytest.raises(ModelError, match="float32 explains"):
        reference.check(Changed(network, before=BROKEN_INPUTS[fault]))


@pytest.mark.parametrize("seed", SEEDS)
def test_weights_in_float16_are_more_than_rounding(seed: int) -> None:
    import torch  # noqa: PLC0415

    from tests.factories_network import random_network  # noqa: PLC0415

    network = random_network(seed)
    reference = reference_of(network)
    network.prepare()  # Folded: the weights are no longer those that float16 holds exactly.
    with torch.no_grad():
        for parameter in network.module.parameters():
            parameter.copy_(parameter.half().float())
    with pytest.raises(ModelError, match="float32 explains"):
        reference.check(network)


def test_checkpoint_is_refused_when_its_own_answer_is_not_finite() -> None:
    from tests.factories_network import random_network  # noqa: PLC0415

    network = random_network(0)
    network.module.model[0].conv.weight.data[0] = np.nan
    with pytest.raises(ModelError, match="the checkpoint itself answers with values that are not finite"):
        reference_of(network)


@pytest.fixture(scope="module")
def selecting() -> tuple["Network", "Reference"]:
    """A network whose head selects the strongest itself, as ultralytics leaves it when its other head is gone."""
    from tests.factories_network import random_network  # noqa: PLC0415

    network = random_network(0, architecture=Path("yolov10n.yaml"), bias=6)
    head = network.module.model[-1]
    head.cv2 = head.cv3 = None
    head.max_det = 20
    assert network.output() == END2END
    return network, reference_of(network, END2END)


def _raise_weakest(output: Floats) -> Floats:
    output = output.copy()
    output[0, -1, :4] += 30
    return output


def _relabel(output: Floats) -> Floats:
    output = output.copy()
    output[..., 5] = (output[..., 5] + 1) % 3
    return output


def test_order_is_free_when_the_network_selects_itself(selecting: tuple["Network", "Reference"]) -> None:
    network, reference = selecting
    reference.check(network)
    reference.check(Changed(network, after=lambda output: output[:, ::-1]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda output: output.transpose(0, 2, 1), r"answers with \[1, 6, 20\]"),
        (lambda output: output * np.array([1, 1, 1, 1, 0, 1], np.float32), "its scores are not the highest"),
        (lambda output: output[:, :1].repeat(20, axis=1), "its scores are not the highest"),
        (_relabel, r"it finds class \d with score"),
        (_raise_weakest, r"it finds class \d with score"),
        (lambda output: output + np.array([0, 0, 0, 0, 0, 3], np.float32), r"it finds class \d with score"),
        (lambda output: output[..., [1, 0, 3, 2, 4, 5]], r"it finds class \d with score"),
    ],
)
def test_a_broken_output_is_found_when_the_network_selects_itself(
    selecting: tuple["Network", "Reference"], change: Change, words: str
) -> None:
    network, reference = selecting
    with pytest.raises(ModelError, match=words):
        reference.check(Changed(network, after=change))


def test_formats_are_the_modules_of_the_folder() -> None:
    assert known_formats() == ["onnx", "openvino", "torchscript"]


@pytest.mark.parametrize(
    ("text", "chosen"),
    [("", ["onnx"]), ("onnx", ["onnx"]), (" OpenVINO ,onnx, openvino,", ["onnx", "openvino"])],
)
def test_onnx_comes_first_and_nothing_twice(text: str, chosen: list[str]) -> None:
    assert choose_formats(text) == chosen
