"""The few calls to the Kubernetes API that a deployment needs, and what their refusals mean to a person."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode

import urllib3

from steps.deploy.cluster.credentials import Access, find_access
from steps.deploy.conversation import Line
from steps.errors import InputError, TemporaryError

MANAGER: Final = "argosight"
"""Field manager: the fields that we apply are ours, the others stay as somebody else left them."""

Document = dict[str, Any]

PATHS: Final = {
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps",
    "Service": "/api/v1/namespaces/{namespace}/services",
    "Pod": "/api/v1/namespaces/{namespace}/pods",
    "Deployment": "/apis/apps/v1/namespaces/{namespace}/deployments",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers",
    "InferenceService": "/apis/serving.kserve.io/v1beta1/namespaces/{namespace}/inferenceservices",
}
_RETRY = urllib3.Retry(
    total=4, backoff_factor=0.5, status_forcelist=(429, 502, 503, 504), allowed_methods=None, raise_on_status=False
)


class Api:
    """One namespace of a cluster."""

    def __init__(self, access: Access, namespace: str = "") -> None:
        self._access = access
        self.namespace = namespace or access.namespace
        self.inside = access.inside

    @classmethod
    def connect(cls, namespace: str = "") -> "Api":
        """Find the cluster, and use `namespace` in it; empty for the one that the credentials name."""
        return cls(find_access(), namespace)

    def find(self, kind: str, name: str) -> Document | None:
        """Return the object, None where there is none."""
        status, body = self.request("GET", f"{self._folder(kind)}/{name}")
        return None if status == HTTPStatus.NOT_FOUND else self._checked(status, body, f"get {kind} {name}")

    def list(self, kind: str, labels: Mapping[str, str]) -> list[Document]:
        """Return the objects that carry all `labels`."""
        selector = urlencode({"labelSelector": ",".join(f"{name}={value}" for name, value in labels.items())})
        status, body = self.request("GET", f"{self._folder(kind)}?{selector}")
        items: list[Document] = self._checked(status, body, f"list {kind}")["items"]
        return items

    def apply(self, manifest: Document) -> Document:
        """Make the object, or the fields of it that `manifest` names, as they are there; return it whole."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        status, body = self.request(
            "PATCH",
            f"{self._folder(kind)}/{name}?fieldManager={MANAGER}&force=true",
            json.dumps(manifest).encode(),
            {"Content-Type": "application/apply-patch+yaml"},
        )
        return self._checked(status, body, f"apply {kind} {name}")

    def delete(self, kind: str, name: str, *, wait_for_parts: bool = False) -> None:
        """Remove the object and what belongs to it, first or later; if it is not there, nothing happens."""
        policy = "Foreground" if wait_for_parts else "Background"
        status, body = self.request("DELETE", f"{self._folder(kind)}/{name}?propagationPolicy={policy}")
        if status != HTTPStatus.NOT_FOUND:
            self._checked(status, body, f"delete {kind} {name}")

    def pod_log(self, pod: str, container: str, lines: int) -> str:
        """Return the end of a container's log, empty where there is none or it may not be read."""
        path = f"{self._folder('Pod')}/{pod}/log?{urlencode({'container': container, 'tailLines': lines})}"
        status, body = self.request("GET", path)
        return body.decode(errors="replace") if status == HTTPStatus.OK else ""

    def line_to(self, pod: Document, port: int) -> Line:
        """Return a line to the server in `pod`: straight from inside the cluster, else through the API server."""
        address = pod["status"]["podIP"]
        host = f"[{address}]" if ":" in address else address
        proxy = f"{self._folder('Pod')}/{pod['metadata']['name']}:{port}/proxy"

        def send(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
            if self.inside:
                return self._send(method, f"http://{host}:{port}{path}", body, headers)
            return self.request(method, f"{proxy}{path}", body, headers)

        return send

    def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a request to the API server and return status and body.

        Raises:
            TemporaryError: If it does not answer.
        """
        authorization = self._access.authorization()
        known = {"Authorization": authorization} if authorization else {}
        return self._send(method, f"{self._access.host}{path}", body, {**known, **(headers or {})})

    def _send(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        try:
            answer = self._access.pool.request(method, url, body=body or None, headers=dict(headers), retries=_RETRY)
        except urllib3.exceptions.HTTPError as error:
            raise TemporaryError(
                f"no answer from {url.partition('?')[0]}: {error}", hint="is the cluster up? run it again"
            ) from None
        return answer.status, answer.data

    def _folder(self, kind: str) -> str:
        return PATHS[kind].format(namespace=quote(self.namespace))

    def _checked(self, status: int, body: bytes, deed: str) -> Document:
        if status < HTTPStatus.BAD_REQUEST:
            document: Document = json.loads(body)
            return document
        raise _refusal(status, _message(body), f"{deed} in namespace {self.namespace}")


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body[:300].decode(errors="replace")


def _refusal(status: int, message: str, deed: str) -> InputError | TemporaryError:
    told = f"{deed}: the cluster answers {status}: {message}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in (HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS):
        return TemporaryError(told, hint="run it again")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return InputError(told, hint="the Role `argosight-deployer` in argo/cluster/ has the rights that this needs")
    if status == HTTPStatus.NOT_FOUND and "InferenceService" in deed:
        return InputError(told, hint="install KServe, or deploy with --deploy-target=deployment")
    if status == HTTPStatus.NOT_FOUND:
        return InputError(told, hint="make the namespace first, or name another with --namespace")
    return InputError(told, hint="the message says which field the cluster does not take")
