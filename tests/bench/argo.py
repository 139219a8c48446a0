"""Argo's share of a run: `train-detector` against a DAG of the same shape that does nothing, on the same cluster.

    python -m tests.bench.argo [--repeats 1] [--images 40] [--smoke]

Prints (total − work of the steps) as a ratio to the total of the empty run, goal at most 1.15, and for each pod of the
real run where its seconds went. The empty run has the same manifest, with every command replaced by one that writes
empty outputs. It needs the cluster of KUBECONFIG; images and sizes are those of ARGOSIGHT_SITE, else config/site.yaml.
"""

import argparse
import json
import secrets
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from steps.store import open_store
from tests.cluster.runs import SMALL, manifest, site
from tests.conformance.cluster import Batch, as_workflow, kubectl, why_absent
from tests.conformance.sources import draw
from tests.conformance.store import store_variables

GOAL = 1.15
DEADLINE_S = 1500.0
Workflow = dict[str, Any]


@dataclass(frozen=True)
class Span:
    """Where the seconds of one pod went."""

    node: str
    name: str
    place_s: float
    """From the pod's creation to the start of its first container: scheduling, volumes, images."""
    load_s: float
    """In init containers: the executor is copied, artifacts are loaded."""
    main_s: float
    """In the step itself."""
    save_s: float
    """From the step's end to the executor's: outputs are read, artifacts saved."""

    @property
    def row(self) -> str:
        """The line of the table."""
        total_s = self.place_s + self.load_s + self.main_s + self.save_s
        return (
            f"  {self.name:<18} {self.place_s:>7.0f} {self.load_s:>9.0f} {self.main_s:>7.0f} {self.save_s:>9.0f}"
            f" {total_s:>8.0f}"
        )


def empty(document: Workflow) -> Workflow:
    """Return `document` with every command replaced by one that only writes what is expected of it."""
    emptied: Workflow = json.loads(json.dumps(document))
    for template in emptied["spec"]["templates"]:
        process = template.get("container")
        if process is None:
            continue
        outputs = template.get("outputs", {})
        paths = [one["path"] for one in outputs.get("artifacts", []) if not one.get("optional")]
        paths += [one["valueFrom"]["path"] for one in outputs.get("parameters", []) if "path" in one["valueFrom"]]
        lines = [f"mkdir -p $(dirname {path}) && printf 0 > {path}" for path in paths]
        process["command"], process["args"] = ["sh", "-c"], [" && ".join(lines) or "true"]
    return emptied


def total_s(workflow: Workflow) -> float:
    """Return the seconds from the run's start to its end."""
    return _seconds(workflow["status"]["startedAt"], workflow["status"]["finishedAt"])


def spans(workflow: Workflow) -> list[Span]:
    """Return where the seconds of each pod went, in the order in which they were made."""
    name = workflow["metadata"]["name"]
    pods = json.loads(kubectl("get", "pods", "-l", f"workflows.argoproj.io/workflow={name}", "-o", "json"))["items"]
    found = [_span(pod) for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))]
    return [span for span in found if span]


def longest_chain_s(workflow: Workflow, work_s: dict[str, float]) -> float:
    """Return the largest sum of `work_s`, by names of nodes, along the ways through the run."""
    nodes = workflow["status"]["nodes"]
    known: dict[str, float] = {}

    def below(number: str) -> float:
        if number not in known:
            node = nodes[number]
            after = [below(child) for child in node.get("children", []) if child in nodes]
            known[number] = work_s.get(node["name"], 0.0) + max(after, default=0.0)
        return known[number]

    name = workflow["metadata"]["name"]
    exits = [number for number, node in nodes.items() if node["name"] == f"{name}.onExit"]
    return below(name) + sum(below(number) for number in exits)


def report(real: list[Workflow], idle: list[Workflow]) -> Iterator[str]:
    """Yield the lines to print."""
    work = [longest_chain_s(one, {span.node: span.main_s for span in spans(one)}) for one in real]
    whole_s, work_s = median(map(total_s, real)), median(work)
    idle_s = median(map(total_s, idle))
    share = (whole_s - work_s) / idle_s
    yield "seconds of each pod           placing   loading    step    saving    whole"
    for title, workflow in (("train-detector", real[-1]), ("nothing to do", idle[-1])):
        yield f"{title}, {total_s(workflow):.0f} s in all"
        rows = spans(workflow)
        yield from (span.row for span in rows)
        busy_s = sum(span.place_s + span.load_s + span.main_s + span.save_s for span in rows)
        yield f"  between pods: {total_s(workflow) - busy_s:.0f} s (the controller notices, decides, makes the next)"
    yield (
        f"argo: {whole_s:.0f} s, of which the steps worked {work_s:.0f} s; nothing to do: {idle_s:.0f} s"
        f"   ratio {share:.2f} (goal at most {GOAL})"
    )


def _span(pod: Workflow) -> Span | None:
    status = pod["status"]
    ended = {one["name"]: one.get("state", {}).get("terminated") for one in status.get("containerStatuses", [])}
    begun = [one["state"].get("terminated") for one in status.get("initContainerStatuses", [])]
    main, wait = ended.get("main"), ended.get("wait")
    if not main or not wait or not all(begun):
        return None
    made = pod["metadata"]["creationTimestamp"]
    first = begun[0]["startedAt"] if begun else main["startedAt"]
    node = pod["metadata"]["annotations"]["workflows.argoproj.io/node-name"]
    return Span(
        node=node,
        name=node.partition(".")[2],
        place_s=_seconds(made, first),
        load_s=_seconds(first, main["startedAt"]),
        main_s=_seconds(main["startedAt"], main["finishedAt"]),
        save_s=max(0.0, _seconds(main["finishedAt"], wait["finishedAt"])),
    )


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def measure(repeats: int, images: int) -> Iterator[str]:
    """Run both `repeats` times, one after the other, and yield the lines to print."""
    number = secrets.token_hex(3)
    prefix = f"s3://{site().bucket}/datasets/bench-argo-{number}"
    real: list[Workflow] = []
    idle: list[Workflow] = []
    batch = Batch(in_flight=1)
    with tempfile.TemporaryDirectory() as folder, store_variables(site().store_secret):
        archive = Path(folder) / "planes.zip"
        draw(archive, images)
        open_store(prefix).upload(archive, archive.name)
        given = {**SMALL, "source": f"{prefix}/{archive.name}", "registry": f"{prefix}/models"}
        document = manifest()
        document["spec"].pop("podGC", None)
        try:
            for repeat in range(repeats):
                for kind, template, runs in (("idle", empty(document), idle), ("real", document, real)):
                    name = f"bench-{kind}-{number}-{repeat}"
                    workflow = batch.submit(as_workflow(template, name, given), DEADLINE_S).result(DEADLINE_S + 60)
                    if workflow["status"]["phase"] != "Succeeded":
                        sys.exit(f"{name}: {workflow['status']['phase']} {workflow['status'].get('message', '')}")
                    runs.append(workflow)
            yield from report(real, idle)
        finally:
            batch.close()


def main() -> None:
    """Print the table and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--smoke", action="store_true", help="only show that it runs; without a cluster, say so")
    options = parser.parse_args()
    absent = why_absent()
    if absent and options.smoke:
        print(f"argo: not measured, {absent}")
        return
    if absent:
        sys.exit(f"argo: {absent}")
    if options.smoke:
        options.repeats, options.images = 1, 12
    for line in measure(options.repeats, options.images):
        print(line)


if __name__ == "__main__":
    main()
