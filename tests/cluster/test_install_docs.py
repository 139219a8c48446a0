"""The pages on installing and on trouble, typed in: on the cluster of `KUBECONFIG`, in a namespace of their own.

What differs from what a reader types stands in `INSTEAD` and in `_names`, with the reason.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.cluster.console import Console
from tests.cluster.installation import AWS, MINIO, Installation, installation, kubectl, read, run
from workflows.argo.site import ROOT, SITE
from workflows.cluster.client import connect
from workflows.cluster.keys import read_secret

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(1500)]

DOCS = ROOT / "docs"
KIND, CLUSTER, TROUBLE = DOCS / "install-kind.md", DOCS / "install-cluster.md", DOCS / "trouble.md"
INSTALL_ARGO = (
    "kubectl apply --server-side --namespace argo --filename "
    "https://github.com/argoproj/argo-workflows/releases/download/v4.1.2/install.yaml"
)
LOAD = "kind load docker-image --name argosight argosight/core:0.1.0 argosight/train:0.1.0 argosight/serve:0.1.0"
INSTEAD = {
    # There is a cluster already, with Argo Workflows, and the images are in a registry that its nodes pull from.
    "kind create cluster --name argosight": "kubectl get nodes",
    "kubectl create namespace argo": "kubectl get namespace argo",
    INSTALL_ARGO: "kubectl get customresourcedefinition workflows.argoproj.io",
    "make images": f"{ROOT}/images/build --dry-run",
    LOAD: "true",
    "images/build --registry=registry.example.com/argosight --push": (
        f"{ROOT}/images/build --registry=registry.example.com/argosight --push --dry-run"
    ),
    # The project's own manifests are left alone.
    "argosight render": 'argosight render --site="$SITE" --out=rendered-anew',
    # The store is the one of the dev overlay, a Service of the cluster.
    "export AWS_ENDPOINT_URL_S3=https://minio.example.com": "export AWS_ENDPOINT_URL_S3=http://minio:9000",
    "export MINIO_ROOT_USER=… MINIO_ROOT_PASSWORD=…": "export MINIO_ROOT_USER MINIO_ROOT_PASSWORD",
    # The cluster and the templates of others stay.
    "kubectl delete clusterworkflowtemplates --selector app.kubernetes.io/part-of=argosight": (
        'kubectl delete clusterworkflowtemplates --selector "argosight.dev/template=$TEMPLATE"'
    ),
    "kind delete cluster --name argosight": "true",
}


@dataclass(frozen=True)
class Place:
    """Where the pages are typed in."""

    installed: Installation
    console: Console
    template: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("docs")
    with installation(folder / "overlay") as installed:
        template = f"train-detector-{installed.namespace.rpartition('-')[2]}"
        shutil.copytree(ROOT / "argo" / "cluster", folder / "argo" / "cluster")
        (folder / ".venv").symlink_to(sys.prefix)
        site = os.environ.get("ARGOSIGHT_SITE", str(SITE))
        environment = {key: value for key, value in os.environ.items() if key not in (*AWS, *MINIO)}
        # Whoever reads on has activated the environment, as the first page says.
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment |= {"SITE": site, "TEMPLATE": template, "PATH": programs}
        console = Console(folder, environment, INSTEAD, _names(installed, template))
        _render(folder, site, template)
        try:
            yield Place(installed, console, template)
        finally:
            kubectl("delete", "clusterworkflowtemplates", "-l", f"argosight.dev/template={template}")


@pytest.fixture(scope="module")
def installed(place: Place) -> str:
    """Return what was printed when the page on kind was typed in, up to where the installation goes."""
    sections = ("The cluster, and Argo Workflows", "The images", "argosight", "A first run")
    return place.console.run(KIND, *sections)


def _render(folder: Path, site: str, template: str) -> None:
    """Write the templates that are released: for the cluster's registry, and under a name that nobody else has."""
    run([sys.executable, "-m", "workflows.cli", "render", f"--site={site}", f"--out={folder / 'all'}"], {})
    document = yaml.safe_load(
        (folder / "all" / "argo" / "rendered" / "train-detector.yaml").read_text(encoding="utf-8")
    )
    document["metadata"]["name"] = template
    (folder / "manifests").mkdir()
    (folder / "manifests" / "train-detector.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")


def _names(installed: Installation, template: str) -> list[tuple[str, str]]:
    """Return how names differ, so that tests keep out of the way of what is installed already."""
    name = installed.namespace
    choice = f"--namespace={name} --manifests=$PWD/manifests"
    return [
        (r"--namespace argosight\b", f"--namespace {name}"),
        (r"delete namespace argosight\b", f"delete namespace {name}"),
        (r"serviceaccount:argosight:", f"serviceaccount:{name}:"),
        # A cluster without a default StorageClass, which kind has: MinIO's data is in its pod.
        (r"--overlay=dev", f"--overlay={installed.overlay}"),
        (r"^argosight (bootstrap|doctor)\b", rf"argosight \1 {choice} --site=$SITE"),
        (r"^argosight (diff|release)\b", rf"argosight \1 {choice}"),
        (r"^argosight submit train-detector\b", f"argosight submit {template} --namespace={name}"),
        (r"\brelease (.*)train-detector\b", rf"release \1{template}"),
        # Something else may listen at 9000 here.
        (r"service/minio 9000\b", "service/minio 19000:9000"),
        (r"127\.0\.0\.1:9000\b", "127.0.0.1:19000"),
    ]


def test_first_run_succeeds_when_the_page_on_kind_is_typed_in(installed: str, place: Place) -> None:
    assert "created    user/argosight" in installed
    assert "nothing is wrong" in installed
    (ran,) = read("workflows", "-n", place.installed.namespace)["items"]
    assert ran["status"]["phase"] == "Succeeded"


def test_store_is_taken_and_the_own_overlay_applied_when_the_page_on_clusters_is_typed_in(
    installed: str, place: Place
) -> None:
    root = read_secret(connect(), place.installed.namespace, "argosight-minio")
    place.console.environment = {**place.console.environment, **root}
    output = place.console.run(CLUSTER)
    assert "changed    user/argosight" in output
    assert re.search(r"changed    resourcequota/argosight: .*spec\.hard\.requests\.cpu", output)
    assert "workflowtaskresults.argoproj.io" in output
    assert "nothing is wrong" in output


def test_trouble_is_looked_into_and_mended_when_its_page_is_typed_in(installed: str, place: Place) -> None:
    namespace = place.installed.namespace
    (ran,) = read("workflows", "-n", namespace)["items"]
    cluster = connect()
    root = read_secret(cluster, namespace, "argosight-minio")
    here = place.console
    here.rewritten.append((r"\bRUN\b", ran["metadata"]["name"]))
    sections = ("", "A run does not start, or a pod hangs", "A step fails", "`bootstrap` or `doctor` themselves")
    output = here.run(TROUBLE, *sections)
    assert "changed    user/argosight" in output
    here.rewritten.append((r"ID-OF-THE-DELETE-MARKER", '"$marker"'))
    before = f"""
kubectl --namespace {namespace} port-forward service/minio 19000:9000 >port-forward.log &
export AWS_ENDPOINT_URL_S3=http://127.0.0.1:19000 AWS_REGION=us-east-1
export AWS_ACCESS_KEY_ID={root["MINIO_ROOT_USER"]} AWS_SECRET_ACCESS_KEY={root["MINIO_ROOT_PASSWORD"]}
aws s3 rm s3://argosight/datasets/planes.zip
marker=$(aws s3api list-object-versions --bucket argosight --prefix datasets/planes.zip \\
  --query 'DeleteMarkers[0].VersionId' --output text)
"""
    after = "echo looking; aws s3 ls s3://argosight/datasets/planes.zip; kill %1"
    output = here.run(TROUBLE, "Bring back what was deleted", before=before, after=after)
    assert "planes.zip" in output.partition("looking\n")[2]


def test_nothing_stays_when_the_page_on_kind_is_followed_to_its_end(installed: str, place: Place) -> None:
    place.console.run(KIND, "Away with it")
    found = read("clusterworkflowtemplates", "-l", f"argosight.dev/template={place.template}")
    assert found["items"] == []
    assert place.console.used == set(INSTEAD), "the pages have no longer what is replaced here"
