"""What training starts from: an architecture, or weights."""

import difflib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml

from steps.errors import ModelError
from steps.store.redaction import redact
from steps.store.source import fetch

TINY = Path(__file__).with_name("tiny.yaml")
ARCHITECTURES, WEIGHTS = (".yaml", ".yml"), ".pt"

_ACTIVATION = re.compile(r"(torch\.)?nn\.\w+\([\w=., -]*\)")
"""What an architecture may say in `activation`: ultralytics evaluates that text as Python."""

_HEADS = {"Detect", "v10Detect"}


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A base model as a local file.

    Attributes:
        file: A .yaml architecture, or .pt weights with the architecture inside.
        told: What the user called it, credentials removed.
    """

    file: Path
    told: str

    @property
    def has_weights(self) -> bool:
        """Whether training starts from learned weights."""
        return self.file.suffix.lower() == WEIGHTS


def find_base_model(name: str, sha256: str, into: Path) -> BaseModel:
    """Return the base model called `name`: `tiny`, an architecture of ultralytics, or a .yaml or .pt at a path or URL.

    Downloads go to the folder `into`. Nothing is asked from a model hub.

    Raises:
        ModelError: If there is no such model, or it is no detector that ultralytics can train.
        InputError: If it cannot be fetched, or its SHA-256 is another.
    """
    suffix = Path(name).suffix.lower()
    if name == "tiny":
        file = fetch(str(TINY), into, sha256)
    elif suffix not in (*ARCHITECTURES, WEIGHTS):
        raise ModelError(
            f"no base model {redact(name)!r}",
            hint="name tiny, an architecture such as yolo11n.yaml, or a path or s3:// URL of a .yaml or .pt file",
        )
    elif "://" in name or "/" in name or Path(name).exists():
        file = fetch(name, into, sha256)
    elif suffix in ARCHITECTURES:
        # Copied under this very name: ultralytics reads the scale, n to x, from it.
        into.mkdir(parents=True, exist_ok=True)
        file = fetch(shutil.copyfile(_packaged(name), str(into / name)), into, sha256)
    else:
        raise ModelError(
            f"no file {name!r} here, and nothing is fetched from a model hub while running",
            hint=f"download the weights once and name them by path or s3:// URL, or start from {Path(name).stem}.yaml",
        )
    if suffix == WEIGHTS:
        _check_weights(file, name)
    else:
        _check_architecture(file, name)
    return BaseModel(file, redact(name))


def _packaged(name: str) -> Path:
    """Return the file in ultralytics that holds the architecture `name`: `yolo11n.yaml` is a scale of `yolo11.yaml`."""
    from ultralytics.utils import ROOT  # noqa: PLC0415  (slow; reads the environment that `go_offline` set)

    known = {path.name: path for path in (Path(ROOT) / "cfg" / "models").rglob("*.yaml")}
    unscaled = re.sub(r"(\d+)([nslmx])(.+)?$", r"\1\3", Path(name).stem) + ".yaml"
    found = known.get(name) or known.get(unscaled)
    if found:
        return found
    near = difflib.get_close_matches(name, known, n=1)
    guess = f"did you mean {near[0]!r}? " if near else ""
    raise ModelError(
        f"ultralytics has no architecture {name!r}", hint=f"{guess}try yolo11n.yaml, yolov8n.yaml, or tiny"
    )


def _check_architecture(file: Path, name: str) -> None:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        layers = [str(layer[2]) for layer in (*content["backbone"], *content["head"])]
        head = layers[-1]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, LookupError, TypeError) as error:
        raise ModelError(
            f"{redact(name)} is not an ultralytics architecture ({type(error).__name__})",
            hint="it needs backbone and head, as the .yaml files in ultralytics/cfg/models have",
        ) from None
    if head not in _HEADS:
        raise ModelError(
            f"{redact(name)} ends in {head!r}, not in a detection head",
            hint=f"the last layer must be one of {', '.join(sorted(_HEADS))}",
        )
    activation = content.get("activation")
    if activation and not _ACTIVATION.fullmatch(str(activation)):
        raise ModelError(
            f"{redact(name)} asks for the activation {str(activation)[:80]!r}", hint="write it as nn.SiLU()"
        )
    if "TorchVision" in layers:
        raise ModelError(f"{redact(name)} has a TorchVision layer, which downloads weights", hint="leave it out")


def _check_weights(file: Path, name: str) -> None:
    from ultralytics.nn.tasks import DetectionModel, torch_safe_load  # noqa: PLC0415  (see _model_folder)

    try:
        checkpoint, _ = torch_safe_load(file, safe_only=True)
    except Exception as error:  # noqa: BLE001  (a damaged file fails in ways without a common class)
        raise ModelError(
            f"{redact(name)} is not a checkpoint that loads safely: {str(error).splitlines()[0][:200]}",
            hint="give an ultralytics detection checkpoint, such as best.pt of an earlier training",
        ) from None
    model = checkpoint.get("ema") or checkpoint.get("model")
    if not isinstance(model, DetectionModel) or type(model.model[-1]).__name__ not in _HEADS:
        raise ModelError(
            f"{redact(name)} holds a {type(model).__name__}, not a detector",
            hint="give an ultralytics detection checkpoint, such as best.pt of an earlier training",
        )
