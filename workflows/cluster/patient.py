"""What `argosight doctor` looks at."""

from dataclasses import dataclass
from pathlib import Path

from workflows.argo.site import Site
from workflows.cluster.client import Cluster


@dataclass(frozen=True)
class Patient:
    """What is looked at.

    Attributes:
        cluster: The cluster.
        namespace: Where argosight is installed.
        site: The site file that templates were rendered with.
        manifests: Folder of the rendered templates.
    """

    cluster: Cluster
    namespace: str
    site: Site
    manifests: Path
