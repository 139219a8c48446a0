"""The OpenAPI document: what FastAPI reads off the routes, and what it cannot see there."""

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from steps.serve.access import is_open
from steps.serve.problem import ProblemDocument
from steps.serve.protocols.v2_documents import InferenceRequest

_CREDENTIALS = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
}


class DescribedApp(FastAPI):
    """An application whose OpenAPI document is complete.

    Attributes:
        keys: Whether requests must carry an API key, which clients made from the document, and Swagger UI, can then send.
    """

    keys = False
    _completed: dict[str, Any] | None = None

    def openapi(self) -> dict[str, Any]:
        """Return the document; see `FastAPI.openapi`, which keeps it until there are other routes."""
        document = super().openapi()
        if document is not self._completed:
            self._completed = document
            _complete(document, keys=self.keys)
        return document


def _complete(document: dict[str, Any], *, keys: bool) -> None:
    components = document["components"]
    components["schemas"] = dict(sorted((components["schemas"] | _schemas()).items()))
    for path, methods in document["paths"].items():
        for operation in methods.values():
            first, _, rest = operation["description"].partition("\n")
            operation |= {"summary": first.replace("`", ""), "description": rest.strip()}
            if keys and not is_open(path):
                operation["security"] = [{name: []} for name in _CREDENTIALS]
    if keys:
        components["securitySchemes"] = _CREDENTIALS


def _schemas() -> dict[str, Any]:
    """Return the schemas of what the routes read and answer without FastAPI's help."""
    _, found = models_json_schema(
        [(ProblemDocument, "serialization"), (InferenceRequest, "validation")],
        ref_template="#/components/schemas/{model}",
    )
    schemas: dict[str, Any] = found["$defs"]
    return schemas
