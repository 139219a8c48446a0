"""Strict reading of Kubernetes objects: what is not known is refused, what a process has no use for is let pass."""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic.alias_generators import to_camel


def _as_any_string(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


AnyString = Annotated[str, BeforeValidator(_as_any_string)]
"""Argo's AnyString: numbers and booleans are read as their text."""


class Strict(BaseModel):
    """Base of everything read from a manifest: camelCase, closed, and null means absent."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, use_attribute_docstrings=True)

    ignored: ClassVar[frozenset[str]] = frozenset()
    """Fields that mean something to a pod and nothing to a process. They are accepted and dropped."""

    @model_validator(mode="before")
    @classmethod
    def _drop_ignored(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None and key not in cls.ignored}

    def as_json(self) -> str:
        """Return the object as JSON, spelled as in the manifest."""
        return self.model_dump_json(by_alias=True, exclude_none=True)
