"""Checks of a cluster: is all there that runs need, does it fit together, and what could be added?"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from workflows.argo.manifest import VERSION_LABEL
from workflows.argo.versions import SUPPORTED, read_version
from workflows.cluster.controller import find_controller, is_restricted
from workflows.cluster.errors import ClusterError, ForbiddenError
from workflows.cluster.finding import Finding, absent, good, unknown, wrong
from workflows.cluster.patient import Patient
from workflows.cluster.rights import BOOTSTRAP, check_accounts, check_own_rights
from workflows.cluster.store_health import check_store
from workflows.cluster.templates import API, TEMPLATE, read_manifests

ARGO_INSTALL: Final = (
    "https://argo-workflows.readthedocs.io/en/latest/installation; docs/install-kind.md has the commands"
)
_SUPPORTED_TEXT: Final = f"{' and '.join(map(str, SUPPORTED))} are supported"
PROJECTS: Final = (
    (
        "KServe",
        "serving.kserve.io/v1beta1",
        "InferenceService",
        "kserve-controller-manager",
        "deploying to it",
        "https://kserve.github.io/website/docs/getting-started/quickstart-guide",
    ),
    (
        "Argo Events",
        API,
        "Sensor",
        "controller-manager",
        "starting runs by an upload",
        "https://argoproj.github.io/argo-events/installation",
    ),
)
STUCK: Final = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CrashLoopBackOff",
}


def check_cluster(patient: Patient) -> Iterator[Finding]:
    """Look at everything; a check that the cluster refuses is reported as unknown, and the others go on."""
    cluster = patient.cluster
    yield good("cluster", f"{cluster.host}, Kubernetes {cluster.read('/version')['gitVersion']}")
    try:
        there = cluster.get("v1", "Namespace", patient.namespace) is not None
    except ForbiddenError:
        there = True  # Who may work in a namespace need not see namespaces.
    for title, check in (CHECKS | (INSIDE if there else {}) | ADDITIONS).items():
        try:
            yield from check(patient)
        except ClusterError as error:
            yield unknown(title, error.message, error.hint)


def _nodes(patient: Patient) -> Iterator[Finding]:
    nodes = patient.cluster.list("v1", "Node")
    ready = [node for node in nodes if _condition(node, "Ready")]
    pressed = [
        node["metadata"]["name"]
        for node in nodes
        if any(_condition(node, kind) for kind in ("DiskPressure", "MemoryPressure"))
    ]
    if not ready:
        yield wrong("nodes", f"none of {len(nodes)} is ready", "kubectl describe nodes")
    elif pressed:
        yield wrong("nodes", f"short of disk or memory: {', '.join(pressed)}", f"kubectl describe node {pressed[0]}")
    else:
        yield good("nodes", f"{len(ready)} of {len(nodes)} ready")


def _argo(patient: Patient) -> Iterator[Finding]:
    cluster = patient.cluster
    kinds = ("Workflow", TEMPLATE, "CronWorkflow", "WorkflowTaskResult")
    missing = [kind for kind in kinds if not cluster.knows(API, kind)]
    if missing:
        yield wrong("Argo Workflows", f"the cluster does not know {', '.join(missing)}", ARGO_INSTALL)
        return
    controller = find_controller(cluster)
    if not controller:
        yield wrong("Argo Workflows", "its kinds are there, its controller is not", ARGO_INSTALL)
        return
    version = read_version(controller.version)
    place = f"{controller.version or 'no version'} in {controller.namespace}"
    if not controller.ready:
        hint = f"kubectl -n {controller.namespace} describe deployment workflow-controller"
        yield wrong("Argo Workflows", f"{place}: no pod of the controller is ready", hint)
    elif version and version < SUPPORTED[0]:
        yield wrong(
            "Argo Workflows", f"{place} is older than {SUPPORTED[0]}, the oldest that is supported", ARGO_INSTALL
        )
    elif controller.only not in {"", patient.namespace}:
        yield wrong(
            "Argo Workflows", f"{place} looks only after {controller.only}", f"install it for {patient.namespace} too"
        )
    elif version is None:
        hint = f"{_SUPPORTED_TEXT}: kubectl -n {controller.namespace} get deployments -o wide"
        yield unknown("Argo Workflows", f"{place}: its image does not say which version it is", hint)
    elif version > SUPPORTED[-1]:
        hint = f"{_SUPPORTED_TEXT}; docs/conformance.md says how to compare another"
        yield unknown("Argo Workflows", f"{place} is newer than {SUPPORTED[-1]}, the newest that is tested", hint)
    else:
        yield good("Argo Workflows", place)
    if is_restricted(cluster, controller):
        yield good("Argo's executor", "fit for restricted pods")
    else:
        found = f"executor.securityContext in configmap/{controller.config} is not restricted"
        yield wrong("Argo's executor", found, f"{BOOTSTRAP}; without it no restricted pod starts")


def _namespace(patient: Patient) -> Iterator[Finding]:
    found = patient.cluster.get("v1", "Namespace", patient.namespace)
    if found is None:
        yield wrong("namespace", f"no {patient.namespace}", BOOTSTRAP)
        return
    level = found["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce", "none")
    if level == "restricted":
        yield good("namespace", f"{patient.namespace}, restricted")
    else:
        yield wrong("namespace", f"{patient.namespace} enforces Pod Security {level}, not restricted", BOOTSTRAP)


def _accounts(patient: Patient) -> Iterator[Finding]:
    yield check_own_rights(patient.cluster, patient.namespace)
    yield from check_accounts(patient.cluster, patient.namespace, patient.site)


def _quota(patient: Patient) -> Iterator[Finding]:
    full = []
    for quota in patient.cluster.list("v1", "ResourceQuota", patient.namespace):
        status = quota.get("status", {})
        hard, used = status.get("hard", {}), status.get("used", {})
        full += [f"{name} {used[name]}" for name, most in hard.items() if used.get(name) == most != "0"]
    if full:
        hint = f"wait, delete runs, or raise it in your overlay: kubectl -n {patient.namespace} describe quota"
        yield wrong("quota", f"used up: {', '.join(full)}", hint)
    else:
        yield good("quota", "has room")


def _templates(patient: Patient) -> Iterator[Finding]:
    templates, _ = read_manifests(patient.manifests)
    for template in templates:
        title = f"template {template.alias}"
        live = patient.cluster.get(API, TEMPLATE, template.alias)
        if live is None:
            yield wrong(title, "not in the cluster", "argosight release")
            continue
        version = live["metadata"].get("labels", {}).get(VERSION_LABEL, "no version")
        if version == template.version:
            yield good(title, version)
        else:
            yield absent(title, f"{version}; {template.version} is rendered here", "argosight diff, argosight release")


def _pods(patient: Patient) -> Iterator[Finding]:
    stuck = {}
    for pod in patient.cluster.list("v1", "Pod", patient.namespace):
        status = pod.get("status", {})
        for one in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
            waiting = one.get("state", {}).get("waiting", {})
            if waiting.get("reason") in STUCK:
                stuck[pod["metadata"]["name"]] = f"{waiting['reason']} ({one['image']})"
    for name, reason in stuck.items():
        yield wrong(f"pod {name}", reason, f"docs/trouble.md; kubectl -n {patient.namespace} describe pod {name}")
    if not stuck:
        yield good("pods", "none is stuck")


def _gpu(patient: Patient) -> Iterator[Finding]:
    gpu = patient.site.gpu
    selector = ",".join(f"{key}={value}" for key, value in gpu.node_selector.items())
    nodes = patient.cluster.list("v1", "Node", selector=selector)
    count = sum(int(node["status"].get("allocatable", {}).get(gpu.resource, 0)) for node in nodes)
    if count:
        yield good("GPUs", f"{count} on {len(nodes)} nodes with {selector or 'any label'}")
    elif nodes:
        hint = "install the GPU operator or the device plug-in: docs/install-cluster.md"
        yield absent("GPUs", f"{len(nodes)} nodes with {selector}, none offers {gpu.resource}", hint)
    else:
        hint = f"kubectl label node NAME {selector.replace(',', ' ')}, or change `gpu` in config/site.yaml"
        yield absent("GPUs", f"no node with {selector}: training takes the CPU", hint)


def _additions(patient: Patient) -> Iterator[Finding]:
    cluster = patient.cluster
    deployments = cluster.list("apps/v1", "Deployment")
    ready = {one["metadata"]["name"]: one.get("status", {}).get("readyReplicas") for one in deployments}
    for title, api, kind, controller, use, where in PROJECTS:
        if not cluster.knows(api, kind):
            yield absent(title, f"not installed; only {use} needs it", where)
        elif not any(count for name, count in ready.items() if name.endswith(controller)):
            yield absent(title, f"its kinds are there, no {controller} is ready", "kubectl get deployments -A")
        else:
            yield good(title, "installed")


Check = Callable[[Patient], Iterator[Finding]]
CHECKS: Final[dict[str, Check]] = {"nodes": _nodes, "Argo Workflows": _argo, "namespace": _namespace}
INSIDE: Final[dict[str, Check]] = {
    "rights": _accounts,
    "quota": _quota,
    "store": check_store,
    "pods": _pods,
}
ADDITIONS: Final[dict[str, Check]] = {"templates": _templates, "GPUs": _gpu, "KServe, Argo Events": _additions}


def _condition(node: dict[str, Any], kind: str) -> bool:
    return any(one["type"] == kind and one["status"] == "True" for one in node["status"]["conditions"])
