"""`docs/upgrade.md`, and what `docs/triggers.md` says of the clock and of events, typed on a cluster."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.pages import call, commands, shell
from tests.cluster.triggers import released
from tests.conformance.cluster import NAMESPACE
from workflows.argo.site import ROOT
from workflows.cluster.client import Cluster, connect
from workflows.cluster.templates import API, CRON, TEMPLATE

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]
ALIAS = "train-detector"


@pytest.fixture
def api(cluster: None) -> Cluster:
    return connect()


@pytest.fixture
def project(tmp_path: Path, api: Cluster) -> Iterator[Path]:
    """A folder with a site file of its own, and aliases and schedule as they were afterwards."""
    with released() as here:
        schedule = api.get(API, CRON, "retrain", NAMESPACE)
        (tmp_path / "config").mkdir()
        text = yaml.safe_dump(here.model_dump(by_alias=True, mode="json") | {"revision": here.revision + 1})
        (tmp_path / "config" / "site.yaml").write_text(text)
        yield tmp_path
        api.delete(API, CRON, "retrain", NAMESPACE)
        if schedule:
            api.create({**schedule, "metadata": {"name": "retrain", "namespace": NAMESPACE}})
        for version in (here.version("0.1.0"), f"0.1.0-r{here.revision + 1}"):
            for alias in (ALIAS, "retrain"):
                api.delete(API, TEMPLATE, f"{alias}-{version.replace('.', '-')}")


def version_of(api: Cluster) -> str:
    alias = api.get(API, TEMPLATE, ALIAS)
    assert alias
    return str(alias["metadata"]["labels"]["argosight.dev/version"])


def test_alias_goes_on_and_back_when_the_page_is_followed(project: Path, api: Cluster) -> None:
    before, environment = version_of(api), shell(project)
    diff, release, render, diff_built, release_built, back = commands("upgrade.md")
    flags = (f"--namespace={NAMESPACE}", "--manifests=build/argo/rendered")
    assert call(render, environment, folder=project).returncode == 0
    for command in (diff, diff_built):
        shown = call(command, environment, *flags, folder=project)
        assert shown.returncode == 1, shown.stderr
        assert f"{ALIAS} would change: {before} → " in shown.stdout
    for command, word in ((release, "changed"), (release_built, "unchanged")):
        done = call(command, environment, *flags, folder=project)
        assert done.returncode == 0, done.stderr
        assert f"{word:<10} clusterworkflowtemplate/{ALIAS}" in done.stdout
    assert version_of(api) != before
    assert call(diff_built, environment, *flags, folder=project).returncode == 0
    returned = call(back.replace("0.1.0", before), environment, folder=project)
    assert returned.returncode == 0, returned.stderr
    assert version_of(api) == before


def test_schedule_stops_and_goes_on_when_the_page_is_followed(project: Path, api: Cluster) -> None:
    if not shutil.which("argo"):
        pytest.skip("no argo on PATH")
    environment = shell(project)
    by_start = {command.rpartition(" ")[0]: command for command in commands("triggers.md")}
    namespaced = by_start["kubectl config set-context --current"].replace("argosight", NAMESPACE)
    assert call(namespaced, environment).returncode == 0
    flags = (f"--namespace={NAMESPACE}", f"--manifests={project}/build/argo/rendered")
    assert call("argosight render --site=config/site.yaml --out=build", environment, folder=project).returncode == 0
    for command, suspended in (("argo cron suspend", True), ("argo cron resume", False)):
        assert call("argosight release", environment, *flags).returncode == 0
        assert call(by_start[command], environment).returncode == 0
        found = api.get(API, CRON, "retrain", NAMESPACE)
        assert found
        assert bool(found["spec"].get("suspend")) == suspended


@pytest.mark.parametrize("overlay", ["dev", "external"])
def test_overlay_of_events_is_taken_when_it_is_applied(overlay: str, cluster: None, tmp_path: Path) -> None:
    (command,) = [one for one in commands("triggers.md") if one.startswith("kubectl apply")]
    environment = shell(tmp_path)
    here = call("kubectl kustomize", environment, str(ROOT / f"argo/events/overlays/{overlay}"))
    assert {one["kind"] for one in yaml.safe_load_all(here.stdout)} == {"EventBus", "EventSource", "Sensor"}
    done = call(command.replace("/dev", f"/{overlay}"), environment, "--dry-run=server", "--validate=strict")
    if "namespaces" in done.stderr:
        pytest.skip("argosight is not installed in its own namespace here")
    assert done.returncode == 0, done.stderr
