"""The Kubernetes cluster that `KUBECONFIG` names: objects as plain mappings, errors as sentences.

`connect()` is the only way in. What this module does not offer can be done with `Cluster.api`, the client of the
`kubernetes` package, within `refusals()`.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from workflows.cluster.errors import ClusterError, ConflictError, ForbiddenError, MissingError, UnreachableError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, Configuration

MANAGER: Final = "argosight"
TIMEOUT_S: Final = 30.0
CONTENTION: Final = "Operation cannot be fulfilled on resourcequotas"
"""Not a conflict over the object: many are made at once under one quota, and the server asks to try again."""
CONTENTION_WAITS_S: Final = (0.2, 0.4, 0.8, 1.6, 3.2)
INSTALL: Final = "pip install 'argosight[workflows]'"
Document = Mapping[str, Any]


class _Resource(NamedTuple):
    plural: str
    namespaced: bool


def connect() -> "Cluster":
    """Return the cluster of `KUBECONFIG`, of `~/.kube/config`, or the one that this process runs in.

    Raises:
        UnreachableError: If there is no configuration, it cannot be read, or the cluster does not answer.
        ForbiddenError: If the cluster does not take the configuration's credentials.
    """
    try:
        from kubernetes.client import ApiClient, Configuration  # noqa: PLC0415
    except ImportError:
        raise UnreachableError("the package `kubernetes` is not installed", hint=INSTALL) from None
    configuration = Configuration()
    configuration.retries = False
    _configure(configuration)
    cluster = Cluster(ApiClient(configuration=configuration))
    cluster.read("/version", timeout_s=5)
    return cluster


def _configure(configuration: "Configuration") -> None:
    from kubernetes.config import load_incluster_config, load_kube_config  # noqa: PLC0415

    named = os.environ.get("KUBECONFIG", "")
    files = [Path(part).expanduser() for part in named.split(os.pathsep) if part] or [
        Path("~/.kube/config").expanduser()
    ]
    shown = os.pathsep.join(map(str, files))
    if not any(file.is_file() for file in files):
        if not named and "KUBERNETES_SERVICE_HOST" in os.environ:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
            return
        raise UnreachableError(
            f"no cluster is configured: {f'KUBECONFIG={named} names no file' if named else f'no KUBECONFIG, no {shown}'}",
            hint="set KUBECONFIG to your cluster's file; without a cluster, `argosight run` runs the same workflows",
        )
    try:
        load_kube_config(config_file=shown, client_configuration=configuration)  # type: ignore[no-untyped-call]
    except Exception as error:  # noqa: BLE001  the loader lets YAML, key, type and value errors of a damaged file through
        reason = " ".join(str(error).split())
        raise UnreachableError(f"{shown} cannot be used: {reason}", hint="see `kubectl config view`") from None


class Cluster:
    """A connected cluster. Every method raises a `ClusterError` when the cluster refuses or does not answer.

    Attributes:
        api: The client of the `kubernetes` package.
        host: URL of the API server.
    """

    def __init__(self, api: "ApiClient") -> None:
        from kubernetes.dynamic import DynamicClient  # noqa: PLC0415

        self.api = api
        self.host = str(api.configuration.host)
        self._resources: dict[str, dict[str, _Resource]] = {}
        self._requests = DynamicClient(api, discoverer=_no_discovery)  # type: ignore[no-untyped-call]

    def read(self, path: str, *, query: Mapping[str, str] | None = None, timeout_s: float = TIMEOUT_S) -> Any:
        """Return what the API server answers to GET `path`, such as `/version`."""
        return self._call("GET", path, query=query, timeout_s=timeout_s)

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> dict[str, Any] | None:
        """Return an object, or None if there is none, or if the cluster does not know the kind."""
        try:
            return dict(self.read(f"{self._path(api_version, kind, namespace)}/{name}"))
        except MissingError:
            return None

    def list(self, api_version: str, kind: str, namespace: str = "", *, selector: str = "") -> Sequence[dict[str, Any]]:
        """Return the objects of a kind that fit the label `selector`; without a namespace, of all namespaces."""
        query = {"labelSelector": selector} if selector else None
        answer = self.read(self._path(api_version, kind, namespace), query=query)
        # The items of a list do not say what they are.
        return [{"apiVersion": api_version, "kind": kind, **item} for item in answer["items"]]

    def create(self, document: Document, *, dry_run: bool = False) -> dict[str, Any]:
        """Create an object; `metadata.generateName` is as good as a name.

        Raises:
            ConflictError: If it is there already.
        """
        query = {"fieldManager": MANAGER} | ({"dryRun": "All"} if dry_run else {})
        return dict(self._call("POST", self._path(*_place(document)), query=query, body=document))

    def apply(self, document: Document, *, dry_run: bool = False, force: bool = True) -> dict[str, Any]:
        """Create an object or bring it to what `document` says (server-side apply), and return it.

        Args:
            document: The object; fields that it does not name stay as they are.
            dry_run: Let the server check and compute, and store nothing.
            force: Take over fields that another manager owns.

        Raises:
            ConflictError: If another manager owns a field and `force` is false, or the field is immutable.
        """
        query = {"fieldManager": MANAGER, "force": str(force).lower()} | ({"dryRun": "All"} if dry_run else {})
        path = f"{self._path(*_place(document))}/{document['metadata']['name']}"
        return dict(self._call("PATCH", path, query=query, body=document, content="application/apply-patch+yaml"))

    def patch(self, api_version: str, kind: str, name: str, namespace: str, change: Document) -> dict[str, Any]:
        """Change fields of an object (JSON merge patch: null removes one), and return it."""
        path = f"{self._path(api_version, kind, namespace)}/{name}"
        query = {"fieldManager": MANAGER}
        return dict(self._call("PATCH", path, query=query, body=change, content="application/merge-patch+json"))

    def delete(self, api_version: str, kind: str, name: str, namespace: str = "") -> bool:
        """Delete an object and, in the background, what it owns; return whether there was one."""
        body = {"propagationPolicy": "Background"}
        try:
            self._call("DELETE", f"{self._path(api_version, kind, namespace)}/{name}", body=body)
        except MissingError:
            return False
        return True

    def knows(self, api_version: str, kind: str) -> bool:
        """Tell whether the cluster has a kind, such as `argoproj.io/v1alpha1` `Workflow`."""
        try:
            self._resource(api_version, kind)
        except MissingError:
            return False
        return True

    def _path(self, api_version: str, kind: str, namespace: str) -> str:
        resource = self._resource(api_version, kind)
        within = f"/namespaces/{namespace}" if namespace and resource.namespaced else ""
        return f"{_root(api_version)}{within}/{resource.plural}"

    def _resource(self, api_version: str, kind: str) -> _Resource:
        known = self._resources.get(api_version, {})
        if kind not in known:
            try:
                rows = self.read(_root(api_version))["resources"]
            except MissingError:
                rows = []
            known = {r["kind"]: _Resource(r["name"], r["namespaced"]) for r in rows if "/" not in r["name"]}
            self._resources[api_version] = known
        if kind not in known:
            raise MissingError(
                f"the cluster has no {kind} of {api_version}",
                hint="its project is not installed there: `argosight doctor` says what is missing, and how to get it",
            )
        return known[kind]

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Document | None = None,
        content: str = "application/json",
        timeout_s: float = TIMEOUT_S,
    ) -> Any:
        for wait_s in (*CONTENTION_WAITS_S, None):
            try:
                with refusals(self.host):
                    answer = self._requests.request(
                        method,
                        path,
                        body=body,
                        query_params=list((query or {}).items()),
                        content_type=content,
                        _request_timeout=timeout_s,
                        serialize=False,
                    )
                break
            except ConflictError as error:
                if wait_s is None or CONTENTION not in error.message:
                    raise
                time.sleep(wait_s)
        return json.loads(answer.data)


def _no_discovery(client: object, cache_file: object) -> None:
    """Stand in for the discovery of `DynamicClient`, which asks for every kind and keeps them in a shared file."""


@contextmanager
def refusals(host: str) -> Iterator[None]:
    """Turn what the `kubernetes` package raises into a `ClusterError` that says what the server said."""
    from kubernetes.client import ApiException  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    try:
        yield
    except ApiException as error:
        message = _message(error.body) or str(error.reason)
        if error.status in (401, 403):
            raise ForbiddenError(
                message,
                hint="KUBECONFIG's user lacks that right: ask who runs the cluster, or take another context",
            ) from None
        kind = {404: MissingError, 409: ConflictError}.get(error.status or 0, ClusterError)
        raise kind(message) from None
    except HTTPError as error:
        raise UnreachableError(
            f"the cluster at {host} does not answer: {error}",
            hint="is it running, and does KUBECONFIG name the one you mean? `kubectl cluster-info` asks it too",
        ) from None


def _message(body: str | bytes | None) -> str:
    try:
        return str(json.loads(body or b"")["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace") if isinstance(body, bytes) else body or ""


def _place(document: Document) -> tuple[str, str, str]:
    return document["apiVersion"], document["kind"], document["metadata"].get("namespace", "")


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
