"""What a step is: a name, an image, typed inputs, typed outputs. Nothing heavier."""

import re
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, Literal, TypeVar, cast, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MultipleOf
from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic.fields import FieldInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from steps.workspace import Workspace


class Model(BaseModel):
    """Base of every step's inputs and outputs: immutable, and unknown names are errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, defer_build=True
    )


In = TypeVar("In", bound=Model)
Out = TypeVar("Out", bound=Model)


@dataclass(frozen=True, slots=True)
class Artifact:
    """Marks a `Path` field that travels as a file or folder, not as text.

    `optional` artifacts are typed `Path | None` and may be absent: the step then sees None. `file` is the suffix of
    an output that is one file (`json`, `html`): it travels as it is, for people to open; folders travel as a tar.
    `evidence` is an output that a step may leave although it refuses its input: it says what was found.
    """

    optional: bool = False
    file: str = ""
    evidence: bool = False


@dataclass(frozen=True, slots=True)
class Internal:
    """Marks a parameter that workflows do not offer at submission: machine limits and the like, right by default."""


@dataclass(frozen=True, slots=True)
class SiteDefault:
    """Marks a parameter whose default is known to a site only: `s3://BUCKET/PREFIX`, in the bucket of `config/site.yaml`.

    Templates and `argosight` fill it in. A step that is called by itself knows no site, so there it must be given, or its
    own default says what that means.
    """

    prefix: str


MODELS: Final = SiteDefault("models")
"""Where the registry is."""

DATASETS: Final = SiteDefault("datasets")
"""Where data sets are uploaded to."""

DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def duration_seconds(text: str) -> int:
    """Return the seconds in `text`, a Go-style duration such as `90s`, `12m` or `1h30m`.

    Raises:
        ValueError: If `text` is empty or of another form.
    """
    found = DURATION.fullmatch(text)
    if not text or not found:
        raise ValueError("should be a duration such as 90s, 12m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def _check_duration(text: str) -> str:
    duration_seconds(text)
    return text


Duration = Annotated[str, AfterValidator(_check_duration)]
"""A duration as Argo spells it: `90s`, `12m`, `1h30m`. It stays text, so that a template can use it too."""


CACHE = "STEP_CACHE"
"""Variable: folder or `s3://` URL that keeps results. Not set: none are kept, none are taken."""

REUSE = "STEP_REUSE"
"""Variable: `false` does the work anew, and keeps the new result."""


@dataclass(frozen=True, slots=True)
class Reuse:
    """Says that outputs follow from inputs alone, so that the result of an earlier run may stand in for the work.

    Attributes:
        beside: Parameters, by field name, that the outputs do not depend on.
        depends_on_more: Tells of inputs that name what may change behind their back, such as a URL.
    """

    beside: tuple[str, ...] = ()
    depends_on_more: "Callable[[Any], bool]" = lambda _inputs: False


@dataclass(frozen=True, slots=True)
class Step(Generic[In, Out]):
    """The one definition of a step, read by the runner, the renderer and the docs."""

    name: str
    """The command, the template and the folder are called so."""

    image: Literal["core", "train", "serve"]
    """Target in `images/Dockerfile` whose packages the step needs."""

    inputs: type[In]
    outputs: type[Out]

    entry: str
    """`module:function`, imported only when the step runs."""

    example: str
    """Flags of a call that works, shown by `--help`."""

    size: str = "small"
    """Row of `sizes` in `config/site.yaml`: the pod's requests and limits."""

    reuse: Reuse | None = None
    """Whether an earlier result may stand in for the work. For steps that work long and leave little."""

    refuse: str = ""
    """`module:function` that raises a `ParameterError` where values do not go together, though each is in its range.

    It is asked before a run starts, too: what is known only later is at its default then.
    """

    @property
    def summary(self) -> str:
        """First line of the inputs' docstring: what the step does, in one sentence."""
        return (self.inputs.__doc__ or "").strip().splitlines()[0]

    def load(self) -> "Callable[[In, Workspace], Out]":
        """Import the step's function. The only place where heavy imports happen."""
        module, function = self.entry.split(":")
        return cast("Callable[[In, Workspace], Out]", getattr(import_module(module), function))

    def check(self, inputs: In) -> None:
        """Refuse values that do not go together.

        Raises:
            ParameterError: With what was asked for, and what can be had.
        """
        if self.refuse:
            module, function = self.refuse.split(":")
            getattr(import_module(module), function)(inputs)


def artifact_mark(field: FieldInfo) -> Artifact | None:
    """Return the `Artifact` mark of `field`, or None where it is a parameter."""
    return next((mark for mark in field.metadata if isinstance(mark, Artifact)), None)


def is_internal(field: FieldInfo) -> bool:
    """Tell whether `field` is marked as not offered at submission."""
    return any(isinstance(mark, Internal) for mark in field.metadata)


def site_default(field: FieldInfo) -> SiteDefault | None:
    """Return the `SiteDefault` mark of `field`, or None where its default is the same at every site."""
    return next((mark for mark in field.metadata if isinstance(mark, SiteDefault)), None)


def split_fields(model: type[Model]) -> tuple[dict[str, FieldInfo], dict[str, FieldInfo]]:
    """Return `(parameters, artifacts)`, keyed by Argo name: `image_size` is `image-size`."""
    parameters: dict[str, FieldInfo] = {}
    artifacts: dict[str, FieldInfo] = {}
    for name, field in model.model_fields.items():
        (artifacts if artifact_mark(field) else parameters)[argo_name(name)] = field
    return parameters, artifacts


def argo_name(field: str) -> str:
    """Spell a field as a flag and as an Argo parameter: `image_size` is `image-size`."""
    return field.replace("_", "-")


def as_text(value: object) -> str:
    """Spell a parameter as Argo does: `True` is `true`. `Model.model_validate_strings` reads it back."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def choices(field: FieldInfo) -> list[str] | None:
    """Return the values that `field` allows, or None where it is not an enumeration."""
    if field.annotation is bool:
        return ["true", "false"]
    if get_origin(field.annotation) is Literal:
        return [as_text(value) for value in get_args(field.annotation)]
    return None


def bounds(field: FieldInfo) -> str:
    """Describe the numeric range of `field`: `>= 32, a multiple of 32`; empty where there is none."""
    spelled: dict[type[Any], str] = {Ge: ">= {ge}", Gt: "> {gt}", Le: "<= {le}", Lt: "< {lt}"}
    parts = []
    for mark in field.metadata:
        if type(mark) in spelled:
            name = type(mark).__name__.lower()
            parts.append(spelled[type(mark)].format(**{name: getattr(mark, name)}))
        elif isinstance(mark, MultipleOf):
            parts.append(f"a multiple of {mark.multiple_of}")
    return ", ".join(parts)


def kind(field: FieldInfo) -> str:
    """Name the type of `field` as help and docs show it: `int`, `text`, `duration`, `folder`, `a|b`."""
    if artifact_mark(field):
        return "path"
    allowed = choices(field)
    if allowed:
        return "|".join(allowed)
    if any(isinstance(mark, AfterValidator) and mark.func is _check_duration for mark in field.metadata):
        return "duration"
    return {int: "int", float: "float", str: "text"}.get(cast("type[Any]", field.annotation), "text")


def describe(field: FieldInfo) -> str:
    """Return the description of `field` with its range, on one line."""
    text = " ".join((field.description or "").split())
    limits = bounds(field)
    return f"{text} Range: {limits}." if limits else text
