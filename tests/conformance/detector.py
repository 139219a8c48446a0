"""Runs of `train-detector` on both engines: the parameter sets, and what must agree of them."""

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.runs import SMALL, site
from tests.conformance.cluster import as_workflow
from tests.conformance.sources import ODD_NAME
from tests.conformance.view import RunView, view_of_run
from workflows.argo.catalog import build_workflows
from workflows.local.engine import run_workflow
from workflows.local.machine import GpuNode

TINY = SMALL | {"cpu-epochs": "2", "gpu-timeout": "10s"}
NO_GPU = {"example.com/no-such-gpu": "true"}
"""Node selector that no node has, so that neither engine gets a GPU."""
TOLERANCE = 1e-6
"""How far metrics may lie apart: summing in another order rounds differently."""
MACHINES_OWN = {"latency-ms", "p99-ms", "gpu"}
"""Outputs that tell of the machine: times, and the name of its GPU, which a pod of the pretended one does not see."""
SAME_CONTENT = {"dataset", "splits"}
"""Artifacts whose every byte must agree; others hold times, and weights as their framework packs them."""
POD_NAMES = re.compile(r"(podName\W+[a-z0-9-]+-)\d+")
"""The end of a pod's name is a hash of the run's; the small workflows, whose runs have one name on both engines, hold it."""
PRETENDED = "#!/bin/sh\necho 'GPU 0: pretended (UUID: GPU-0)'\n"


@dataclass(frozen=True)
class DetectorCase:
    """A run of `train-detector`."""

    name: str
    source: str
    parameters: dict[str, str] = field(default_factory=dict)
    phase: str = "Succeeded"
    pretended_gpu: bool = False
    """Whether both engines are told of a GPU that is not there: it is counted, and the training finds none."""

    def given(self, prefix: str, engine: str) -> dict[str, str]:
        """Return the parameters for a run; each `engine` has a registry of its own below `prefix`."""
        own = {"source": f"{prefix}/{self.source}", "registry": f"{prefix}/{engine}/models", "model-name": self.name}
        return {**TINY, **own, **self.parameters}

    def manifest(self) -> dict[str, Any]:
        """Return the template rendered for this cluster, with requests so small that runs fit side by side."""
        here = site()
        sizes = {name: size.model_copy(update={"cpu": "50m", "memory": "64Mi"}) for name, size in here.sizes.items()}
        gpu = here.gpu if self.pretended_gpu else here.gpu.model_copy(update={"node_selector": NO_GPU})
        fitted = here.model_copy(update={"sizes": sizes, "gpu": gpu})
        document = next(one.document for one in build_workflows(fitted) if one.name == "train-detector")
        copied: dict[str, Any] = json.loads(json.dumps(document))
        return copied

    def workflow(self, name: str, prefix: str) -> dict[str, Any]:
        """Return the Workflow object for the cluster."""
        return as_workflow(self.manifest(), name, self.given(prefix, "argo"))

    def run(self, name: str, prefix: str, home: Path) -> RunView:
        """Run it on the local engine."""
        path = home / "train-detector.yaml"
        path.write_text(yaml.safe_dump(self.manifest()), encoding="utf-8")
        before = os.environ["PATH"]
        if self.pretended_gpu:
            program = home / "bin" / "nvidia-smi"
            program.parent.mkdir()
            program.write_text(PRETENDED)
            program.chmod(0o755)
            os.environ["PATH"] = f"{program.parent}:{before}"
        try:
            node = GpuNode(site().gpu.resource, site().gpu.node_selector)
            return view_of_run(run_workflow(path, self.given(prefix, "here"), home, name=name, gpu_node=node))
        finally:
            os.environ["PATH"] = before


CASES = (
    DetectorCase("plain", "planes.zip"),
    DetectorCase(
        "odd",
        ODD_NAME,
        {
            "device": "auto",
            "resize": "true",
            "max-width": "48",
            "deploy": "true",
            "formats": "onnx,torchscript",
            "seed": "7",
            "group-pattern": f"(?P<g>É img.*){'|x' * 1500}",
        },
    ),
    DetectorCase("no-gpu", "planes.zip", {"device": "gpu"}, "Failed"),
    DetectorCase("pretended", "planes.zip", {"device": "gpu", "gpu-timeout": "5m"}, "Failed", pretended_gpu=True),
    DetectorCase("broken", "broken.zip", phase="Failed"),
    DetectorCase("empty", "empty.zip", {"device": "auto", "deploy": "true"}, "Failed"),
    DetectorCase("wrong", "planes.zip", {"classes": 'zeppelin, it\'s "none" é', "resize": "true"}, "Failed"),
)


def alike(view: RunView, changes: dict[str, str]) -> RunView:
    """Return `view` with what differs by design made equal: names and places, times, inexact artifacts."""
    text = view.model_dump_json()
    for here, there in changes.items():
        text = text.replace(here, there)
    text = POD_NAMES.sub(r"\1HASH", text)
    changed = RunView.model_validate_json(text)
    for node in changed.nodes.values():
        for name in MACHINES_OWN & node.parameters.keys():
            node.parameters[name] = "MEASURED"
        for name in node.artifacts.keys() - SAME_CONTENT:
            node.artifacts[name] = ""
    return changed


def close_to(argo: RunView, local: RunView) -> RunView:
    """Return `local` with those numbers taken from `argo` that lie within `TOLERANCE`."""
    changed = local.model_copy(deep=True)
    for name in argo.nodes.keys() & changed.nodes.keys():
        for values, others in (
            (changed.nodes[name].parameters, argo.nodes[name].parameters),
            (changed.nodes[name].inputs, argo.nodes[name].inputs),
        ):
            for key in values.keys() & others.keys():
                if _near(values[key], others[key]):
                    values[key] = others[key]
    return changed


def _near(one: str, other: str) -> bool:
    decimal = re.compile(r"-?\d+\.\d+(e-?\d+)?")
    if not (decimal.fullmatch(one) and decimal.fullmatch(other)):
        return False
    return abs(float(one) - float(other)) <= TOLERANCE
