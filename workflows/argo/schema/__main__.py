"""Make `argo-workflows.json` from Argo's install manifest with the full CRDs.

Usage: `python -m workflows.argo.schema install.yaml.gz "argo-workflows v4.0.5, manifests/install.yaml"`

Take the oldest version that is supported: what it does not know may not be rendered, and newer ones know all of it.
"""

import gzip
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from workflows.argo.schema import SCHEMA

KINDS = ("ClusterWorkflowTemplate", "WorkflowTemplate", "CronWorkflow", "Workflow")
SHAPE = ("type", "required", "properties", "additionalProperties", "items")
LIMITS = ("enum", "pattern", "minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength")
SHARED_FROM = 200  # characters of JSON from which a repeated part is worth a definition of its own


def main(manifest: str, origin: str) -> None:
    """Write the schema of the kinds we render; `origin` is noted in it."""
    raw = Path(manifest).read_bytes()
    text = gzip.decompress(raw) if manifest.endswith(".gz") else raw
    kinds: dict[str, Any] = {}
    for crd in yaml.load_all(text, Loader=yaml.CSafeLoader):
        if crd and crd["kind"] == "CustomResourceDefinition" and crd["spec"]["names"]["kind"] in KINDS:
            version = next(v for v in crd["spec"]["versions"] if v["storage"])
            schema = _strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            kinds[crd["spec"]["names"]["kind"]] = schema
    definitions = _share(kinds)
    vendored = {"$comment": f"From {origin}. Descriptions dropped, objects closed.", "kinds": kinds}
    lines = [f'"{name}": {_json(part)}' for name, part in definitions.items()]
    head = json.dumps(vendored, separators=(",", ":"))[:-1]
    SCHEMA.write_text(head + ',\n"definitions": {\n' + ",\n".join(lines) + "\n}}\n", encoding="utf-8")


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    kept = {key: schema[key] for key in SHAPE + LIMITS if key in schema}
    if schema.get("x-kubernetes-int-or-string"):
        kept.pop("type", None)
        return {**kept, "type": ["integer", "string"]}
    if "properties" in kept and not schema.get("x-kubernetes-preserve-unknown-fields"):
        kept.setdefault("additionalProperties", False)
    return _map_parts(kept, _strict)


def _share(kinds: dict[str, Any]) -> dict[str, Any]:
    seen: Counter[str] = Counter()

    def count(schema: dict[str, Any]) -> None:
        text = _json(schema)
        seen[text] += 1
        if seen[text] == 1:
            _map_parts(schema, count)

    definitions: dict[str, Any] = {}

    def replace(schema: dict[str, Any]) -> dict[str, Any]:
        text = _json(schema)
        smaller = _map_parts(schema, replace)
        if seen[text] == 1 or len(text) < SHARED_FROM:
            return smaller
        name = hashlib.sha256(text.encode()).hexdigest()[:8]
        definitions[name] = smaller
        return {"$ref": f"#/definitions/{name}"}

    for schema in kinds.values():
        count(schema)
    for kind, schema in kinds.items():
        kinds[kind] = replace(schema)
    return definitions


def _map_parts(schema: dict[str, Any], change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Return `schema` with `change` applied to the schemas directly under it."""
    mapped = dict(schema)
    if "properties" in mapped:
        mapped["properties"] = {name: change(part) for name, part in mapped["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(mapped.get(key), dict):
            mapped[key] = change(mapped[key])
    return mapped


def _json(part: Any) -> str:
    return json.dumps(part, sort_keys=True, separators=(",", ":"))


if __name__ == "__main__":
    main(*sys.argv[1:])
