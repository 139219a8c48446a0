"""What the commands take from `config/site.yaml`. Imported where it is needed: `--help` is quick without it."""

from steps.contract import MODELS
from workflows.argo.site import SITE, Site, read_site
from workflows.local.machine import GpuNode


def own_site() -> Site:
    """Return the site of this project.

    Raises:
        SiteError: If there is no site file, or it is wrong.
    """
    return read_site(SITE)


def default_registry(site: Site | None = None) -> str:
    """Return the registry that the workflows rendered for `site` publish to; this project's unless given.

    Raises:
        SiteError: If there is no site file, or it is wrong.
    """
    return (site or own_site()).url(MODELS.prefix)


def gpu_node() -> GpuNode:
    """Return what a node with GPUs is called, as the rendered workflows ask for one; Kubernetes' usual names without a site file.

    Raises:
        SiteError: If the site file is wrong.
    """
    if not SITE.is_file():
        return GpuNode()
    gpu = own_site().gpu
    return GpuNode(gpu.resource, gpu.node_selector)
