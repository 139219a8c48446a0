"""How to talk to the API server: as this pod's service account, or as the kubeconfig says."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import urllib3

from steps.errors import ParameterError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT = urllib3.Timeout(connect=10, read=60)


@dataclass(frozen=True, slots=True)
class Access:
    """A way to the API server.

    Attributes:
        host: Its URL.
        pool: Connections that trust it.
        authorization: Returns the value of the header, fresh for each request; empty where a certificate speaks.
        namespace: Namespace that is meant where none is named.
        inside: Whether this is a pod of the cluster, which reaches other pods itself.
    """

    host: str
    pool: urllib3.PoolManager
    authorization: Callable[[], str]
    namespace: str
    inside: bool


def find_access() -> Access:
    """Return the way in that this process has.

    Raises:
        ParameterError: If it has none.
    """
    host = os.environ.get("KUBERNETES_SERVICE_HOST")
    if host and (ACCOUNT / "token").is_file() and not os.environ.get("KUBECONFIG"):
        return _of_pod(host)
    return _of_kubeconfig()


def _of_pod(host: str) -> Access:
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    pool = urllib3.PoolManager(ca_certs=str(ACCOUNT / "ca.crt"), timeout=TIMEOUT)
    # Read anew each time: the kubelet exchanges the token before it runs out.
    return Access(
        f"https://{authority}",
        pool,
        lambda: f"Bearer {(ACCOUNT / 'token').read_text().strip()}",
        (ACCOUNT / "namespace").read_text().strip(),
        inside=True,
    )


def _of_kubeconfig() -> Access:
    # Only outside of pods: logging in by plug-ins is why the package is there, and it weighs 70 MB that the image of the
    # server does without.
    try:
        from kubernetes import client, config  # noqa: PLC0415
    except ImportError:
        raise ParameterError(
            "this is no pod, and the package that reads a kubeconfig is not installed",
            hint="pip install 'argosight[workflows]'",
        ) from None
    found = client.Configuration()
    try:
        config.load_kube_config(client_configuration=found)  # type: ignore[no-untyped-call]
        context = config.list_kube_config_contexts()[1]  # type: ignore[no-untyped-call]
    except (config.ConfigException, OSError) as error:
        raise ParameterError(
            f"no cluster is configured: {error}", hint="let KUBECONFIG name the file that kubectl uses"
        ) from None
    pool = urllib3.PoolManager(
        ca_certs=found.ssl_ca_cert,
        cert_file=found.cert_file,
        key_file=found.key_file,
        cert_reqs="CERT_REQUIRED" if found.verify_ssl else "CERT_NONE",
        server_hostname=found.tls_server_name,
        timeout=TIMEOUT,
    )
    namespace = (context.get("context") or {}).get("namespace") or "default"
    return Access(
        found.host,
        pool,
        lambda: found.get_api_key_with_prefix("authorization") or "",
        namespace,
        inside=False,
    )
