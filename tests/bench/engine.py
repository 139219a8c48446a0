"""The local engine's own share: wall time of `argosight run` less the longest chain of process times.

    python -m tests.bench.engine [--nodes 20] [--files 1000] [--repeats 3] [--smoke]

Goal: at most 1 s and 0.1 s a node. The chain has `--nodes` nodes, the first of which makes an artifact of `--files`
files that every other takes and passes on; the fan has as many nodes side by side.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from workflows.local.node import NodeType
from workflows.local.run import Run, load_run

SLEEP_S = 0.1
FILE_BYTES = 20_000
BASE_S, NODE_S = 1.0, 0.1


def manifest(shape: str, nodes: int, files: int) -> dict[str, Any]:
    """Return a workflow of `nodes` nodes: `chain` or `fan`."""
    make = f"mkdir -p /work/data; for i in $(seq {files}); do head -c {FILE_BYTES} /dev/urandom > /work/data/$i; done"
    volumes = {"volumeMounts": [{"name": "work", "mountPath": "/work"}]}
    data = {"artifacts": [{"name": "data", "path": "/work/data"}]}
    tasks: list[dict[str, Any]] = [{"name": "n0", "template": "make"}]
    for number in range(1, nodes):
        before = f"n{number - 1}" if shape == "chain" else "n0"
        source = {"name": "data", "from": f"{{{{tasks.{before}.outputs.artifacts.data}}}}"}
        tasks.append(
            {"name": f"n{number}", "template": "pass", "depends": before, "arguments": {"artifacts": [source]}}
        )
    templates = [
        {"name": "main", "dag": {"tasks": tasks}},
        {"name": "make", "outputs": data, "container": {"command": ["sh", "-c"], "args": [make], **volumes}},
        {
            "name": "pass",
            "inputs": data,
            "outputs": data,
            "container": {"command": ["sleep", str(SLEEP_S)], **volumes},
        },
    ]
    spec = {"entrypoint": "main", "templates": templates, "volumes": [{"name": "work", "emptyDir": {}}]}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"{shape}-"},
        "spec": spec,
    }


def longest_chain_s(run: Run) -> float:
    """Return the largest sum of process times along the ways through the nodes of `run`."""
    known: dict[str, float] = {}

    def below(name: str) -> float:
        if name not in known:
            node = run.nodes[name]
            own = node.process_s if node.type is NodeType.POD else 0.0
            known[name] = own + max((below(child) for child in node.children if child in run.nodes), default=0.0)
        return known[name]

    return below(run.name) + (below(f"{run.name}.onExit") if f"{run.name}.onExit" in run.nodes else 0.0)


def own_share_s(document: dict[str, Any], home: Path) -> tuple[float, int]:
    """Run `document` and return the engine's own share in seconds, and how many processes there were."""
    path = home / "manifest.json"
    path.write_text(json.dumps(document))  # JSON is YAML
    command = [sys.executable, "-m", "workflows.cli", "run", str(path), "--name=bench"]
    began = time.perf_counter()
    subprocess.run(command, env={**os.environ, "ARGOSIGHT_HOME": str(home)}, check=True, capture_output=True)
    wall_s = time.perf_counter() - began
    run = load_run(home / "runs" / "bench")
    return wall_s - longest_chain_s(run), sum(node.type is NodeType.POD for node in run.nodes.values())


def main() -> None:
    """Run both shapes several times and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--smoke", action="store_true", help="only show that it runs")
    options = parser.parse_args()
    if options.smoke:
        options.nodes, options.files, options.repeats = 3, 10, 1
    for shape in ("chain", "fan"):
        shares = []
        for _ in range(options.repeats):
            with tempfile.TemporaryDirectory() as home:
                share_s, nodes = own_share_s(manifest(shape, options.nodes, options.files), Path(home))
                shares.append(share_s)
        goal_s = BASE_S + NODE_S * nodes
        print(
            f"engine, {shape:<5} of {nodes} nodes, {options.files} files passed on: {median(shares):5.2f} s of its own"
            f"   ratio {median(shares) / goal_s:.2f} of the goal {goal_s:.1f} s"
        )


if __name__ == "__main__":
    main()
