"""Argo's own resource definitions, as a strict JSON schema: unknown fields, wrong types and wrong enums are faults."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

SCHEMA = Path(__file__).with_name("argo-workflows.json")


def schema_faults(document: dict[str, Any]) -> list[str]:
    """Return what in `document`, one Kubernetes object, Argo's schema does not allow, with the path to it."""
    kind = str(document.get("kind"))
    validators = _validators()
    if kind not in validators:
        return [f"kind {kind!r} is not one of {', '.join(validators)}"]
    faults = sorted(validators[kind].iter_errors(document), key=lambda fault: list(map(str, fault.absolute_path)))
    return [f"{fault.json_path.removeprefix('$.')}: {fault.message[:300]}" for fault in faults]


@cache
def _validators() -> dict[str, Draft7Validator]:
    vendored = json.loads(SCHEMA.read_text(encoding="utf-8"))
    definitions = vendored["definitions"]
    return {kind: Draft7Validator({**schema, "definitions": definitions}) for kind, schema in vendored["kinds"].items()}
