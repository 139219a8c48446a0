"""What of `argo/events` differs from one cluster to the next, as a component of its overlays."""

from typing import Any, Final

import yaml

from workflows.argo.manifest import HEADER
from workflows.argo.site import Site

NAME: Final = "datasets"
"""Of the EventSource and of the Sensor in `argo/events/base`."""


def events_component(site: Site) -> str:
    """Return the kustomize Component that points EventSource and Sensor at the bucket, Secret and account of `site`."""
    secret = {"name": site.store_secret}
    uploaded = {"bucket": {"name": site.bucket}, "accessKey": secret, "secretKey": secret}
    patches = (
        _patch("EventSource", {"minio": {"uploaded": uploaded}}),
        _patch("Sensor", {"template": {"serviceAccountName": site.submitter_account}}),
    )
    component = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "patches": [{"patch": patch} for patch in patches],
    }
    return HEADER + yaml.dump(component, Dumper=_Dumper, sort_keys=False)


def _patch(kind: str, spec: dict[str, Any]) -> str:
    document = {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": {"name": NAME}, "spec": spec}
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
