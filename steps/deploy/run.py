"""Serve, ask, compare, keep: beside this step, or in a cluster."""

import json
from pathlib import Path
from typing import Any

import urllib3

from steps.contract import duration_seconds
from steps.deploy.cluster.settings import check_run
from steps.deploy.contract import DeployInputs, DeployOutputs
from steps.deploy.conversation import REQUEST_TIMEOUT_S, REQUESTS, Conversation, Golden, converse, line_to
from steps.deploy.local_server import running_server
from steps.deploy.registry import open_registry
from steps.deploy.server_flags import ServerFlags
from steps.registry import Version
from steps.runtime.golden import IMAGE
from steps.workspace import Workspace


def deploy(inputs: DeployInputs, work: Workspace) -> DeployOutputs:
    """Let a version serve, and keep its answer.

    Raises:
        RegistryError: If there is no such model or version.
        ModelError: If the version has no golden image, or the answer is not the expected one.
        ParameterError: If the target cannot do what is asked.
        TemporaryError: If the server is not ready in time, or does not answer.
    """
    keeps_target = inputs.keep_settings and "deploy_target" not in inputs.model_fields_set
    if inputs.deploy_target == "local" and inputs.change == "deploy" and not keeps_target:
        return _test(inputs, work)
    return _deploy_to_cluster(inputs, work)


def _test(inputs: DeployInputs, work: Workspace) -> DeployOutputs:
    check_run(inputs)
    ServerFlags.read(inputs.server_flags)
    registry = open_registry(inputs)
    version = registry.resolve(inputs.model_name, inputs.version)
    with work.scratch("deploy") as scratch:
        golden = Golden.of(registry, version, scratch)
        answer = _answer_folder(work)
        said = _try(inputs, version, golden, scratch, answer)
    work.progress(1, 1, f"version {version.number} answers in {said.latency_ms:.1f} ms: {len(said.results)} boxes")
    return _keep(answer, version, said, url="")


def _deploy_to_cluster(inputs: DeployInputs, work: Workspace) -> DeployOutputs:
    from steps.deploy.cluster.api import Api  # noqa: PLC0415  (what a test does not need)
    from steps.deploy.cluster.service import make_plan  # noqa: PLC0415

    plan = make_plan(inputs, Api.connect(inputs.namespace))
    with work.scratch("deploy") as scratch:
        golden = Golden.of(plan.registry, plan.version, scratch)
        answer = _answer_folder(work)
        # First here, so that a version that does not answer gets no request of anybody's.
        _try(plan.inputs, plan.version, golden, scratch, answer)
        plan.write(answer / "manifests.yaml")
        said, url = plan.carry_out(golden, work.progress)
    if plan.inputs.serving_gpus and "CUDA" not in said.backend:
        work.progress(
            1,
            1,
            f"warning: each server has a GPU and does not use it, {plan.inputs.image} has {said.backend}: see --image",
        )
    if inputs.change == "rollback":
        # Last: should this fail, the registry names a version that is not served, and the next try mends it.
        plan.registry.roll_back(plan.version, inputs.reason)
    work.progress(1, 1, f"version {plan.version.number} serves at {url} and gets {plan.share}")
    return _keep(answer, plan.version, said, url=url)


def _try(inputs: DeployInputs, version: Version, golden: Golden, scratch: Path, answer: Path) -> Conversation:
    """Ask a server that runs beside this step."""
    flags = [f"--registry={inputs.registry}", f"--model-name={version.name}", f"--version={version.number}"]
    flags += ServerFlags.read(inputs.server_flags).for_trial(scratch)
    timeout_s = duration_seconds(inputs.ready_timeout)
    with (
        running_server(flags, work=scratch / "serve", log=answer / "server.log", timeout_s=timeout_s) as url,
        urllib3.PoolManager(retries=False, timeout=REQUEST_TIMEOUT_S) as client,
    ):
        return converse(line_to(url, client), version, golden)


def _answer_folder(work: Workspace) -> Path:
    folder = work.out / "answer"
    folder.mkdir()
    return folder


def _keep(answer: Path, version: Version, said: Conversation, *, url: str) -> DeployOutputs:
    document: dict[str, Any] = {
        "version": version.number,
        "image": IMAGE,
        "boxes": said.results,
        "requests": REQUESTS,
        "latency_ms": said.latency_ms,
        "backend": said.backend,
        "matches_golden": True,
        "url": url,
    }
    (answer / "answer.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (answer / "picture.jpg").write_bytes(said.picture)
    return DeployOutputs(answer=answer, version=version.number, latency_ms=said.latency_ms, url=url)
