"""Who may do what: reviews of access by the cluster itself, of one's own user and of service accounts."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from workflows.argo.site import Site
from workflows.cluster.client import Cluster
from workflows.cluster.errors import ClusterError
from workflows.cluster.finding import Finding, good, unknown, wrong

AUTHORIZATION: Final = "authorization.k8s.io/v1"
ARGO: Final = "argoproj.io"
BOOTSTRAP: Final = "argosight bootstrap"


class Right(NamedTuple):
    """One verb on one kind; `namespaced` is false for kinds that have no namespace."""

    group: str
    resource: str
    verb: str
    namespaced: bool = True

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"


EXECUTOR: Final = [Right(ARGO, "workflowtaskresults", verb) for verb in ("create", "patch")]
SUBMITTER: Final = [*EXECUTOR, *(Right(ARGO, "workflows", verb) for verb in ("create", "get", "list", "patch"))]
DEPLOYER: Final = [
    *EXECUTOR,
    *(
        Right(group, resource, verb)
        for group, resource in (
            ("serving.kserve.io", "inferenceservices"),
            ("apps", "deployments"),
            ("", "services"),
            ("autoscaling", "horizontalpodautoscalers"),
        )
        for verb in ("create", "get", "patch", "delete")
    ),
    Right("", "pods", "list"),
]
OWN: Final = [
    Right(ARGO, "workflows", "create"),
    Right(ARGO, "workflows", "watch"),
    Right("", "pods", "list"),
    Right("", "pods/log", "get"),
    Right(ARGO, "clusterworkflowtemplates", "get", namespaced=False),
]
NEVER: Final = Right("", "secrets", "get")


def check_own_rights(cluster: Cluster, namespace: str) -> Finding:
    """Look whether the user of `KUBECONFIG` may start and follow runs in `namespace`."""
    title = "your rights"
    refused = [str(right) for right in OWN if not may(cluster, right, namespace)]
    if refused:
        hint = "ask who runs the cluster to bind you to Argo's ClusterRole argo-aggregate-to-edit in that namespace"
        return wrong(title, f"in {namespace} you may not {', '.join(refused)}", hint)
    return good(title, f"you may start and follow runs in {namespace}")


def check_accounts(cluster: Cluster, namespace: str, site: Site) -> Iterator[Finding]:
    """Look whether each service account is there, may do what its pods do, and may not read Secrets."""
    accounts = (
        (site.service_account, EXECUTOR),
        (site.submitter_account, SUBMITTER),
        (site.deployer_account, DEPLOYER),
    )
    for account, rights in accounts:
        title = f"service account {account}"
        try:
            if cluster.get("v1", "ServiceAccount", account, namespace) is None:
                yield wrong(title, f"not in {namespace}", BOOTSTRAP)
                continue
            refused = [str(right) for right in rights if not may(cluster, right, namespace, account)]
            excessive = may(cluster, NEVER, namespace, account)
        except ClusterError as error:
            yield unknown(title, error.message)
            continue
        if refused:
            yield wrong(title, f"may not {', '.join(refused)}", BOOTSTRAP)
        elif excessive:
            yield wrong(
                title, "may read Secrets", f"see what binds it: kubectl -n {namespace} get rolebindings -o wide"
            )
        else:
            yield good(title, f"has its {len(rights)} rights, and reads no Secret")


def may(cluster: Cluster, right: Right, namespace: str, account: str = "") -> bool:
    """Ask the cluster whether `account`, or the own user if there is none, has a right."""
    resource, _, part = right.resource.partition("/")
    attributes = {
        "group": right.group,
        "resource": resource,
        "subresource": part,
        "verb": right.verb,
        "namespace": namespace if right.namespaced else "",
    }
    spec: dict[str, object] = {"resourceAttributes": attributes}
    if account:
        # Groups are not looked up: a review knows only those that it is told.
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
        spec |= {"user": f"system:serviceaccount:{namespace}:{account}", "groups": groups}
    kind = "SubjectAccessReview" if account else "SelfSubjectAccessReview"
    answer = cluster.create({"apiVersion": AUTHORIZATION, "kind": kind, "metadata": {}, "spec": spec})
    return bool(answer["status"]["allowed"])
