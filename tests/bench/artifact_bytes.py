"""How many bytes each step of a run on a cluster fetches and leaves: `python -m tests.bench.artifact_bytes RUN BUCKET`.

Reads the Workflow with kubectl, and the sizes from the store that the AWS variables name. Prints a table in Markdown,
the one in docs/artifacts.md.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from steps.store import open_store

MB = 1e6


def main(run: str, bucket: str) -> None:
    """Print the table of `run`, whose artifacts are in `bucket`."""
    namespace = os.environ.get("ARGOSIGHT_NAMESPACE", "argosight")
    command = ["kubectl", "-n", namespace, "get", "workflow", run, "-o", "json"]
    workflow = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    sizes = {entry.key: entry.size for entry in open_store(f"s3://{bucket}").list(f"runs/{run}/")}
    print("| step | fetches | MB | leaves | MB |\n| --- | --- | ---: | --- | ---: |")
    total_in = total_out = 0
    for name, given, left in _pods(workflow):
        inputs, outputs = _sized(given, sizes), _sized(left, sizes)
        total_in, total_out = total_in + sum(inputs.values()), total_out + sum(outputs.values())
        print(f"| {name} | {_names(inputs)} | {_mb(inputs)} | {_names(outputs)} | {_mb(outputs)} |")
    state = sum(size for key, size in sizes.items() if "/state/" in key)
    print(f"| | | **{total_in / MB:.2f}** | | **{total_out / MB:.2f}** |")
    print(f"\nSaved epochs that stay under `state/`: {state / MB:.2f} MB. Objects of the run: {len(sizes)}.")


def _pods(workflow: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str], Mapping[str, str]]]:
    nodes = [node for node in workflow["status"]["nodes"].values() if node["type"] == "Pod"]
    for node in sorted(nodes, key=lambda node: str(node["startedAt"])):
        yield node["displayName"].partition("(")[0], _keys(node.get("inputs")), _keys(node.get("outputs"))


def _keys(part: Mapping[str, Any] | None) -> dict[str, str]:
    artifacts = (part or {}).get("artifacts") or ()
    return {one["name"]: one["s3"]["key"] for one in artifacts if (one.get("s3") or {}).get("key")}


def _sized(keys: Mapping[str, str], sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the size of each artifact; a key that is a prefix stands for all below it."""
    below = {
        name: [size for at, size in sizes.items() if at == key or at.startswith(f"{key}/")]
        for name, key in keys.items()
    }
    return {name: sum(found) for name, found in below.items() if found}


def _names(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"`{name}`" for name in sizes)


def _mb(sizes: Mapping[str, int]) -> str:
    return f"{sum(sizes.values()) / MB:.2f}"


if __name__ == "__main__":
    main(*sys.argv[1:])
