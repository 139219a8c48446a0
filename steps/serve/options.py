"""How to look, and how to answer: what every protocol lets its clients set, checked in one place."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from steps.serve.picture import Encoding
from steps.serve.problem import Problem, describe_faults
from steps.serve.service import Query, Service, find_class

Kind = TypeVar("Kind", bound=BaseModel)


def _split(value: Any) -> Any:
    """Take `0,plane` for two classes, as a list of numbers and names is one."""
    if isinstance(value, str):
        value = value.split(",")
    if isinstance(value, list | tuple):
        return tuple(part.strip() for part in map(str, value) if part.strip())
    return value


class Detection(BaseModel):
    """How to look."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    conf: float | None = Field(default=None, ge=0, le=1)
    """Confidence above which a box is reported, of all classes; where it is left out, the model's own thresholds."""

    iou: float | None = Field(default=None, ge=0, le=1)
    """Overlap above which the weaker of two boxes of one class is dropped; the model's own where it is left out."""

    max_det: int | None = Field(default=None, ge=1, le=1000)
    """Most boxes to report, the strongest; the model's own limit where it is left out."""

    classes: Annotated[tuple[str, ...], BeforeValidator(_split), Field(json_schema_extra={"type": "string"})] = ()
    """Classes to report, by name or index, parted by commas; empty for all."""

    imgsz: int | None = Field(default=None, ge=32, le=4096)
    """Side of the network's input, pixels; the size of the export where it is left out."""

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_booleans(cls, value: Any) -> Any:
        """No option is one, and pydantic would take `true` for the number 1."""
        if isinstance(value, bool):
            raise PydanticCustomError("boolean", "Input should be a number or a text, not true or false")
        return value

    def query(self, service: Service, model: str, request_id: str) -> Query:
        """Return what to ask `service`, of the model called `model`.

        Raises:
            Problem: 422 for a class that the model does not know.
        """
        if self.classes:
            self._check_classes(service.describe(model).classes)
        return Query(model, self.conf, self.iou, self.max_det, self.classes, self.imgsz, request_id)

    def _check_classes(self, known: tuple[str, ...]) -> None:
        for text in self.classes:
            if find_class(text, known) is None:
                spelled = ", ".join(f"{at} {name}" for at, name in enumerate(known[:100]))
                raise Problem(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    f"classes: no class {text[:80]!r}",
                    hint=f"the model knows: {spelled}",
                )


class Options(Detection):
    """How to look, and how to answer: query parameters, fields of the form, or members of the JSON."""

    model: str = Field(default="", max_length=63)
    """Name of the model; the server's first where it is left out."""

    format: Literal["json", "image", "jpeg", "png", "webp"] = "json"
    """A picture with the boxes drawn, instead of JSON; `image` is `jpeg`. The header `Accept: image/png` does the same."""

    @property
    def encoding(self) -> Encoding | None:
        """The format of the picture to answer with; None for JSON."""
        return {"json": None, "image": "jpeg"}.get(self.format, self.format)


def parse_options(kind: type[Kind], *given: Mapping[str, Any]) -> Kind:
    """Return options from several places, of which the later count more.

    Raises:
        Problem: 422 that names what is wrong and what there is.
    """
    merged = {name: value for place in given for name, value in place.items()}
    try:
        return kind.model_validate(merged)
    except ValidationError as error:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, describe_faults(error.errors()), hint=f"the options are: {describe(kind)}"
        ) from None


def describe(kind: type[BaseModel]) -> str:
    """Name the options of `kind`, in one line."""
    return "; ".join(
        f"{name}: {field.description}" if field.description else name for name, field in kind.model_fields.items()
    )


def query_parameters(options: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the OpenAPI document says of `options`, as `schemas` gives them, in a query."""
    return [
        {"name": name, "in": "query", "schema": schema, "description": schema["description"]}
        for name, schema in options.items()
    ]


def schemas(kind: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """Return the JSON schema of each option, by name."""
    properties: dict[str, dict[str, Any]] = kind.model_json_schema()["properties"]
    for schema in properties.values():
        schema.pop("title", None)
        if "anyOf" in schema:  # null: to leave it out says the same
            schema.update(next(choice for choice in schema.pop("anyOf") if choice != {"type": "null"}))
            schema.pop("default", None)
        if schema.get("type") == "string" and schema.get("default") == []:
            schema["default"] = ""
            schema.pop("items", None)
    return properties
