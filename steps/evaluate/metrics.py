"""What `metrics.json` is made of. null stands for a number that has no meaning, such as the AP of a class without boxes."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt

from steps.runtime.card import Sha256
from steps.runtime.defaults import Defaults, Share


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class ClassScore(_Record):
    """One class. A class without labelled boxes has null for all but its precision, and counts in no mean."""

    name: str

    images: NonNegativeInt
    """Images that have a box of it."""

    boxes: NonNegativeInt
    """Labelled boxes."""

    ap50: Share | None
    ap50_95: Share | None

    threshold: Share
    """Confidence above which a box of it is answered."""

    precision: Share | None
    """True among answered, at IoU 0.5; null where nothing was answered."""

    recall: Share | None
    """Found among labelled, at IoU 0.5."""

    f1: Share | None


class SizeScore(_Record):
    """Boxes of one size bucket."""

    ap50_95: Share | None
    boxes: NonNegativeInt


class Confusion(_Record):
    """Boxes that are answered, paired at IoU 0.5 whatever their class."""

    labels: tuple[str, ...]
    """Class names, then `background`."""

    matrix: tuple[tuple[NonNegativeInt, ...], ...]
    """Rows are the truth, columns what was found. Row `background`: found where nothing is; column `background`: missed."""


class PrecisionRecallCurve(_Record):
    """Precision at each recall, IoU 0.5, as COCO interpolates it."""

    name: str = Field(alias="class")
    recall: tuple[Share, ...]
    precision: tuple[Share, ...]


class F1Curve(_Record):
    """Mean F1 of the classes that have boxes, when only boxes above `confidence` count; IoU 0.5."""

    confidence: tuple[Share, ...]
    f1: tuple[Share, ...]


class Curves(_Record):
    """What the report draws."""

    precision_recall: tuple[PrecisionRecallCurve, ...]
    """Classes with boxes."""

    f1: F1Curve


class Scores(_Record):
    """How good predictions are, whatever model made them."""

    images: NonNegativeInt

    map50: Share
    """Mean over classes that have boxes, IoU 0.5."""

    map50_95: Share
    """Mean over classes that have boxes, and IoU 0.5, 0.55 ... 0.95."""

    defaults: Defaults
    """What the model is served with: at these thresholds, overlap and limit precision, recall, F1 and confusion are told."""

    precision: Share
    """Mean over classes that have boxes; a class of which nothing was found counts as 0."""

    recall: Share
    """Mean over classes that have boxes."""

    f1: Share
    """Mean over classes that have boxes."""

    per_class: tuple[ClassScore, ...]
    sizes: dict[Literal["small", "medium", "large"], SizeScore]
    confusion: Confusion
    curves: Curves
    evaluator: str
    """Name and version."""


class Speed(_Record):
    """Median milliseconds an image, one image at a time on all cores. Decoding is not in it."""

    preprocess: NonNegativeFloat
    inference: NonNegativeFloat
    postprocess: NonNegativeFloat
    total: NonNegativeFloat


class Example(_Record):
    """A picture: truth on the left, what was found on the right."""

    file: str
    """Below the artifact's folder."""

    kind: Literal["best", "worst"]

    image: str
    """Name in the data set."""

    score: Share
    """F1 of the boxes that are answered to that image."""

    note: str
    """What is right and wrong in it, in a few words."""


class Metrics(Scores):
    """Content of `metrics.json`."""

    split: Literal["test", "valid", "train"]
    """Which images were scored."""

    threshold_from: Literal["given", "valid", "default"]
    """Who chose the thresholds: the caller, the best F1 on the validation split, or nobody, as that split has no boxes."""

    model: Sha256
    """Of the `model.json` that was scored."""

    speed_ms: Speed
    examples: tuple[Example, ...]
