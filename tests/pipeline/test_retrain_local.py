"""`retrain` as rendered, on the local engine: what it would start is recorded, and nothing is when nothing is new."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from steps.registry import Lineage, Registry
from steps.store import open_store
from steps.store.listing import listing_digest
from tests.factories_registry import describe, write_model
from workflows.argo.site import ROOT
from workflows.local.engine import run_workflow
from workflows.local.node import Phase
from workflows.local.run import Run

RENDERED = ROOT / "argo" / "rendered" / "retrain.yaml"
SOURCE = "s3://argosight/datasets/planes.zip"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"file://{tmp_path}/buckets")
    open_store("s3://argosight/datasets").put("planes.zip", b"images")
    return tmp_path / "home"


def retrain(home: Path) -> tuple[Run, list[dict[str, Any]]]:
    """Run it; return the run, and the Workflows that a cluster would have got."""
    run = run_workflow(RENDERED, {}, home)
    assert run.phase == Phase.SUCCEEDED, run.culprit
    made = (home / "runs" / run.name).glob("nodes/*/resource.yaml")
    return run, [yaml.safe_load(path.read_text()) for path in made]


def test_training_is_recorded_when_a_data_set_is_new(home: Path) -> None:
    _, made = retrain(home)
    (workflow,) = made
    assert workflow["kind"] == "Workflow"
    assert workflow["metadata"]["name"] == f"train-planes-{listing_digest(SOURCE)[:10]}"
    assert workflow["spec"] == {
        "workflowTemplateRef": {"name": "train-detector", "clusterScope": True},
        "arguments": {
            "parameters": [
                {"name": "model-name", "value": "planes"},
                {"name": "registry", "value": "s3://argosight/models"},
                {"name": "source", "value": SOURCE},
            ]
        },
    }


def test_nothing_starts_and_the_run_says_so_when_nothing_is_new(home: Path, tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(b"")
    Registry.open("s3://argosight/models").publish(
        "planes",
        write_model(tmp_path / "model"),
        Lineage(listing=listing_digest(SOURCE)),
        archive=tmp_path / "archive",
        describe=describe,
    )
    run, made = retrain(home)
    assert made == []
    assert run.nodes[f"{run.name}.start"].phase is Phase.SKIPPED
    told = run.nodes[f"{run.name}.watch"].outputs.parameter("verdict")
    assert told
    assert told.value == "planes: nothing new, version 1 was trained on it"
