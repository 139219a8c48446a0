"""`model.json`: what a program must know to run an exported model, and to trust its files."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from steps.errors import ModelError
from steps.runtime.defaults import Defaults

CARD = "model.json"


def _check_relative(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\\" in text or text != str(path) or text == ".":
        raise ValueError("should be a plain path inside the model folder, such as onnx/model.onnx")
    return text


RelativePath = Annotated[str, AfterValidator(_check_relative)]
"""A path with forward slashes, below the model folder."""

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Record(BaseModel):
    # A newer exporter may add fields; an older server reads on, and a publisher that rewrites the card keeps them.
    model_config = ConfigDict(frozen=True, extra="allow", use_attribute_docstrings=True, allow_inf_nan=False)


class ModelInput(_Record):
    """How an image becomes the network's input tensor."""

    width: PositiveInt
    """Pixels."""

    height: PositiveInt
    """Pixels."""

    channels: Literal[3] = 3
    layout: Literal["NCHW"] = "NCHW"
    color: Literal["RGB"] = "RGB"

    scale: PositiveFloat = 1 / 255
    """Each 8-bit value is multiplied by this."""

    letterbox: Literal[True] = True
    """The image keeps its proportions and is centred on a ground of `pad`."""

    pad: int = Field(default=114, ge=0, le=255)
    """Grey level of the ground."""


class ModelOutput(_Record):
    """How the network's output tensor is read."""

    layout: Literal["yolo", "end2end"]
    """`yolo`: [1, 4 + classes, N], centre x, centre y, width, height in input pixels, then a score a class; overlapping
    boxes are still in it. `end2end`: [1, N, 6], x1, y1, x2, y2 in input pixels, score, class; suppression was done."""


class ModelFormat(_Record):
    """One exported format."""

    file: RelativePath
    """The file that a runtime opens."""

    max_score_difference: float | None = None
    """Largest difference of a score from the checkpoint's, on the golden image and on a test pattern."""

    checked: bool = False
    """Whether its answer was compared with the checkpoint's."""

    precision: Literal["float32", "int8"] = "float32"
    """Numbers that the network computes with."""

    accepted: bool = False
    """Whether the scores on the test split were found to suffer little enough from int8; without it, nobody serves it
    unasked."""


class ModelCard(_Record):
    """Content of `model.json`."""

    task: Literal["detect"] = "detect"

    classes: tuple[str, ...] = Field(min_length=1)
    """Class names; a detection's label is the index."""

    input: ModelInput
    output: ModelOutput

    formats: dict[str, ModelFormat] = Field(min_length=1)
    """By name: `onnx`, `torchscript`, `openvino`, ..."""

    files: dict[RelativePath, Sha256]
    """SHA-256 of every file of the model but `model.json` itself, by path below the model folder."""

    created: str
    """Time of the export, ISO 8601 with its zone."""

    base_model: str
    """What training started from."""

    versions: dict[str, str] = {}
    """Packages that made it."""

    defaults: Defaults | None = None
    """How its boxes are read where a request does not say, as `evaluate` chose. None: nobody evaluated it."""

    @model_validator(mode="after")
    def _check_defaults(self) -> Self:
        unknown = sorted(set(self.served_defaults.per_class) - set(self.classes))
        if unknown:
            raise ValueError(f"defaults.per_class names {unknown[:5]}, which are not classes of the model")
        return self

    @property
    def served_defaults(self) -> Defaults:
        """What it is served with."""
        return self.defaults or Defaults()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the card of the model in `folder`.

        Raises:
            ModelError: If there is none, or it is damaged or describes another kind of model.
        """
        try:
            return cls.model_validate_json((folder / CARD).read_bytes())
        except OSError:
            found = sorted(item.name for item in folder.iterdir()) if folder.is_dir() else []
            raise ModelError(
                f"no {CARD} in {folder}; found {found[:10]}",
                hint="point --model at the folder that the `export` step wrote",
            ) from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise ModelError(
                f"{CARD} in {folder} is not a model card: {where}: {first['msg']}",
                hint="export the checkpoint again",
            ) from None

    def write(self, folder: Path) -> None:
        """Write the card to `folder / "model.json"`."""
        (folder / CARD).write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
