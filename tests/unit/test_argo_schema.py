"""The vendored schema, and how it is made."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.factories_argo import small_workflow
from workflows.argo import schema
from workflows.argo.schema import SCHEMA, schema_faults
from workflows.argo.schema import __main__ as vendor


def crd(kind: str) -> dict[str, Any]:
    part = {
        "type": "object",
        "properties": {"type": {"type": "string"}, "name": {"type": "string", "description": "x" * 300}},
    }
    limit = {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": True,
        "pattern": "^[0-9]+$",
    }
    spec = {
        "type": "object",
        "properties": {
            "one": part,
            "two": {"type": "array", "items": part, "maxItems": 1},
            "limit": limit,
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"a": part}},
        },
    }
    whole = {"type": "object", "properties": {"kind": {"type": "string"}, "metadata": {"type": "object"}, "spec": spec}}
    version = {"storage": True, "schema": {"openAPIV3Schema": whole}}
    return {"kind": "CustomResourceDefinition", "spec": {"names": {"kind": kind}, "versions": [version]}}


@pytest.fixture
def vendored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    target = tmp_path / "schema.json"
    manifest = tmp_path / "install.yaml"
    manifest.write_text(yaml.safe_dump_all([crd("Workflow"), {"kind": "Service"}]))
    monkeypatch.setattr(schema, "SCHEMA", target)
    monkeypatch.setattr(vendor, "SCHEMA", target)
    monkeypatch.setattr(vendor, "SHARED_FROM", 20)
    schema._validators.cache_clear()
    vendor.main(str(manifest), "argo-workflows v0")
    yield target
    schema._validators.cache_clear()


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ({"one": {"type": "a"}, "two": [{"name": "b"}], "limit": 3, "labels": {"x": "y"}, "free": {"z": 1}}, ""),
        ({"limit": "3"}, ""),
        ({"limit": "{{x}}"}, "spec.limit: '{{x}}' does not match"),
        ({"limit": True}, "spec.limit: True is not of type"),
        ({"one": {"nam": "a"}}, "spec.one: Additional properties are not allowed ('nam' was unexpected)"),
        ({"two": [{"name": 1}]}, "spec.two[0].name: 1 is not of type 'string'"),
        ({"two": [{}, {}]}, "spec.two: [{}, {}] is too long"),
        ({"labels": {"x": 1}}, "spec.labels.x: 1 is not of type"),
        ({"free": {"a": {"b": 1}}}, "spec.free.a: Additional properties"),
    ],
)
def test_vendored_schema_is_closed_and_keeps_its_limits(vendored: Path, spec: dict[str, Any], fault: str) -> None:
    found = schema_faults({"kind": "Workflow", "metadata": {"name": "x"}, "spec": spec})
    assert (found == []) if not fault else found[0].startswith(fault), found


def test_repeated_parts_are_shared_and_descriptions_dropped(vendored: Path) -> None:
    content = json.loads(vendored.read_text())
    assert content["$comment"].startswith("From argo-workflows v0.")
    assert len(content["definitions"]) == 1
    assert "description" not in vendored.read_text()


def test_kept_schema_names_its_version_and_all_kinds() -> None:
    content = json.loads(SCHEMA.read_text())
    assert "v4.0.5" in content["$comment"]
    assert set(content["kinds"]) == set(vendor.KINDS)


def test_field_of_a_newer_version_is_refused_when_the_oldest_does_not_know_it() -> None:
    template = {"name": "main", "container": {"image": "busybox"}, "pendingTimeout": "20s"}
    (fault,) = schema_faults({"kind": "Workflow", "metadata": {"name": "x"}, "spec": {"templates": [template]}})
    assert "pendingTimeout" in fault


def test_all_kinds_share_one_idea_of_a_spec() -> None:
    document = small_workflow().to_dict()
    assert schema_faults(document) == []
    assert schema_faults({**document, "kind": "WorkflowTemplate"}) == []
    assert (
        schema_faults(
            {**document, "kind": "CronWorkflow", "spec": {"workflowSpec": document["spec"], "schedules": ["@daily"]}}
        )
        == []
    )
