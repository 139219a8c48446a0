"""What tests on a cluster share: that there is one, and a small data set in its store."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.cluster.runs import ClusterRun, phase, site
from tests.conformance.cluster import as_workflow, kubectl, why_absent

HERE = Path(__file__).parent
ALONE = {
    **dict.fromkeys(("test_triggers", "test_submit", "test_upgrade_page", "test_deploy_docs"), "aliases"),
    **dict.fromkeys(("test_failures_gpu", "test_deploy_gpu", "test_conformance_detector"), "gpu"),
}
"""Modules that change something of which the cluster has only one, and so may not run side by side; each with the name of that."""

LONGEST = ("aliases", "test_failures_runs", "gpu", "test_failures_pods", "test_ui", "test_conformance")
"""What takes minutes, for the most part by waiting: it begins first, and what keeps the processors busy runs beside it."""

DRAWING = """
import subprocess, sys
from pathlib import Path
from steps.store import open_store

count, url = sys.argv[1:]
subprocess.run([sys.executable, "-m", "steps", "draw", f"--images={count}", "--width=96", "--height=64"], check=True)
open_store(url.rpartition("/")[0]).upload(Path("/work/out/archive"), url.rpartition("/")[2])
"""


class Groups(LoadScopeScheduling):  # type: ignore[misc]
    """Keeps each module in one process, and with it those that it may not run beside.

    As `--dist loadgroup` would, which needs a pytest older than ours.
    """

    def _split_scope(self, nodeid: str) -> str:
        return group_of(Path(nodeid.partition("::")[0]))


def group_of(module: Path) -> str:
    """Return what one process runs from end to end."""
    return ALONE.get(module.stem, module.stem)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    """Let several processes share the tests by groups, in the order that is collected."""
    config.option.loadscopereorder = False
    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest groups first."""

    def rank(item: pytest.Item) -> int:
        group = group_of(item.path)
        return LONGEST.index(group) if group in LONGEST else len(LONGEST)

    ours = sorted((item for item in items if item.path.parent == HERE), key=rank)
    items[:] = [*(item for item in items if item.path.parent != HERE), *ours]


@pytest.fixture(scope="session")
def cluster() -> None:
    """Skip without a cluster that is ready for runs."""
    why = why_absent()
    if why:
        pytest.skip(why)


@pytest.fixture(scope="session")
def source(cluster: None) -> Iterator[str]:
    """Return the URL of a zip with 40 small pictures, in the store that the cluster's pods use; it is drawn there."""
    url = f"s3://{site().bucket}/datasets/tests/planes-{secrets.token_hex(4)}.zip"
    yield draw(url, 40)
    in_pod("open_store(url.rpartition('/')[0]).delete(url.rpartition('/')[2])", url)


def draw(url: str, images: int) -> str:
    """Draw a data set in a pod, put it at `url`, and return that."""
    in_pod(DRAWING, str(images), url)
    return url


def in_pod(code: str, *words: str) -> None:
    """Run Python in a pod that has the steps and the store's keys; `url` is the last of `words`."""
    head = "import sys\nfrom steps.store import open_store\nurl = sys.argv[-1]\n"
    here = site()
    template = {
        "name": "main",
        "volumes": [{"name": "work", "emptyDir": {}}],
        "container": {
            "image": here.image("core"),
            "command": ["python", "-c", head + code],
            "args": list(words),
            "envFrom": [{"secretRef": {"name": here.store_secret, "optional": True}}],
            "env": [{"name": "STEP_WORK", "value": "/work"}],
            "volumeMounts": [{"name": "work", "mountPath": "/work"}],
        },
    }
    name = f"in-pod-{secrets.token_hex(4)}"
    document = {"kind": "Workflow", "metadata": {}, "spec": {"entrypoint": "main", "templates": [template]}}
    workflow = as_workflow(document, name, {})
    workflow["spec"]["securityContext"]["fsGroup"] = here.user
    kubectl("create", "-f", "-", text=json.dumps(workflow))
    ended = ClusterRun(name).ended(180)
    assert phase(ended) == "Succeeded", json.dumps(ended["status"], indent=1)
    kubectl("delete", "workflow", name, "--wait=false")
