"""Parameters and artifacts, as templates declare them and tasks pass them."""

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from workflows.local.strict import AnyString, Strict


class ValueFrom(Strict):
    """Where an output parameter comes from."""

    default: AnyString | None = None
    path: str | None = None
    parameter: str | None = None
    expression: str | None = None
    json_path: str | None = None
    jq_filter: str | None = None


class Parameter(Strict):
    """A piece of text with a name."""

    ignored: ClassVar[frozenset[str]] = frozenset({"description"})

    name: str
    value: AnyString | None = None
    default: AnyString | None = None
    enum: list[AnyString] = Field(default_factory=list)
    value_from: ValueFrom | None = None


class OfferedParameter(Parameter):
    """A parameter of the whole workflow: its description is shown to whoever submits."""

    ignored: ClassVar[frozenset[str]] = frozenset()

    description: str = ""


class Archive(Strict):
    """How an artifact is packed in the repository."""

    none: dict[str, Any] | None = None
    tar: dict[str, Any] | None = None
    zip: dict[str, Any] | None = None


class S3(Strict):
    """A key in the default artifact repository, which locally is a folder."""

    key: str


class Raw(Strict):
    """An artifact that the manifest spells out."""

    data: str


class Artifact(Strict):
    """A file or folder with a name.

    `digest` and `tree` are the engine's own: which content it is, once known. Manifests never spell them.
    """

    ignored: ClassVar[frozenset[str]] = frozenset({"artifactGC"})

    name: str
    path: str | None = None
    optional: bool = False
    archive: Archive | None = None
    s3: S3 | None = None
    raw: Raw | None = None
    from_: str | None = Field(default=None, alias="from")
    from_expression: str | None = None
    digest: str | None = None
    tree: bool | None = None

    @property
    def located(self) -> bool:
        """Whether it is known where the content is."""
        return bool(self.s3 or self.raw or self.digest)

    @property
    def packing(self) -> Literal["none", "tar", "zip"]:
        """How the artifact lies in a bucket; Argo packs with tar and gzip unless told otherwise."""
        if self.archive and self.archive.none is not None:
            return "none"
        return "zip" if self.archive and self.archive.zip is not None else "tar"


class Arguments(Strict):
    """What a caller passes to a template. `inputs` and `outputs` of a template have the same shape."""

    parameters: list[Parameter] = Field(default_factory=list)
    artifacts: list[Artifact] = Field(default_factory=list)

    def parameter(self, name: str) -> Parameter | None:
        """Return the parameter called `name`, or None."""
        return next((one for one in self.parameters if one.name == name), None)

    def artifact(self, name: str) -> Artifact | None:
        """Return the artifact called `name`, or None."""
        return next((one for one in self.artifacts if one.name == name), None)


class Outputs(Arguments):
    """What a template leaves behind; `result` and `exit_code` are known once it ran."""

    result: str | None = None
    exit_code: str | None = None


class Offered(Strict):
    """The arguments of a whole workflow."""

    parameters: list[OfferedParameter] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _no_artifacts(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("artifacts") == []:
            return {key: value for key, value in data.items() if key != "artifacts"}
        return data
