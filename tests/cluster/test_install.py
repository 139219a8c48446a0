"""Bootstrap and doctor on a real cluster, in a namespace of their own with a MinIO of its own."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from minio import Minio
from minio.error import S3Error
from minio.versioningconfig import VersioningConfig

from steps.serve.contract import ServeInputs
from steps.serve.settings import origins_of
from tests.cluster.installation import Installation, installation, kubectl, read, write_overlay
from tests.factories_publish import Bench
from workflows.argo.catalog import build_workflows
from workflows.argo.site import SITE, read_site
from workflows.cluster.bucket import connect_store
from workflows.cluster.client import connect
from workflows.cluster.keys import Keys, read_secret
from workflows.cluster.kustomize import OVERLAYS
from workflows.cluster.tunnel import reach

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

ACCOUNTS = ("argosight", "argosight-submitter", "argosight-deployer")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("overlay")) as one:
        dry = one.bootstrap("--dry-run")
        assert "created    namespace/" in dry
        assert "would change, nothing did" in dry
        assert not kubectl("get", "namespace", one.namespace, "--ignore-not-found")
        first = one.bootstrap()
        assert "created    user/argosight" in first
        yield one


@contextmanager
def store(place: Installation, *, root: bool = False) -> Iterator[Minio]:
    """Give a client of the installation's MinIO: as the pods, or as the administrator."""
    cluster = connect()
    values = read_secret(cluster, place.namespace, "argosight-store")
    keys = Keys(values["AWS_ENDPOINT_URL_S3"], values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"])
    secret = read_secret(cluster, place.namespace, "argosight-minio")
    with reach(cluster, keys.endpoint, place.namespace) as host:
        yield connect_store(keys, host, (secret["MINIO_ROOT_USER"], secret["MINIO_ROOT_PASSWORD"]) if root else None)


def changed(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith(("created", "changed"))]


def test_bootstrap_changes_nothing_when_all_is_installed(place: Installation) -> None:
    for words in ([], ["--dry-run"]):
        assert changed(place.bootstrap(*words)) == []


def test_doctor_is_content_when_bootstrap_is_done(place: Installation) -> None:
    done = place.argosight("doctor", "--only=cluster")
    assert done.returncode == 0, done.stdout
    assert f"{place.namespace}, restricted" in done.stdout
    assert "bucket argosight can be listed" in done.stdout
    assert "runs/ and cache/ go after 30 days" in done.stdout


def test_no_secret_is_printed_when_bootstrap_makes_one(place: Installation) -> None:
    key = "rotated-0123456789abcdef"
    output = place.bootstrap(AWS_ACCESS_KEY_ID="argosight", AWS_SECRET_ACCESS_KEY=key)
    assert key not in output
    assert [line.partition(":")[0] for line in changed(output)] == [
        "changed    secret/argosight-store",
        "changed    user/argosight",
    ]
    with store(place) as client:
        assert client.bucket_exists("argosight")
    assert changed(place.bootstrap()) == []


def test_pods_user_does_what_steps_do_and_no_more_when_it_is_bootstrap_s(place: Installation) -> None:
    with store(place, root=True) as client:
        if not client.bucket_exists("other"):
            client.make_bucket("other")
    with store(place) as client:
        client.fput_object("argosight", "runs/x/a.txt", str(Path(__file__)))
        assert [one.object_name for one in client.list_objects("argosight", "runs/x/")] == ["runs/x/a.txt"]
        version = client.stat_object("argosight", "runs/x/a.txt").version_id
        client.remove_object("argosight", "runs/x/a.txt")
        for refused in (
            lambda: client.remove_object("argosight", "runs/x/a.txt", version_id=version),
            lambda: client.make_bucket("mine"),
            lambda: client.set_bucket_versioning("argosight", VersioningConfig("Suspended")),
            lambda: client.delete_bucket_lifecycle("argosight"),
            lambda: client.remove_bucket("argosight"),
            lambda: list(client.list_objects("other")),
        ):
            with pytest.raises(S3Error, match="AccessDenied"):
                refused()


def test_version_is_published_and_served_from_when_the_site_has_another_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(SITE.read_text()) | {"bucket": "team-vision"}))
    document = next(one.document for one in build_workflows(read_site(path)) if one.name == "train-detector")
    registry = {one["name"]: one for one in document["spec"]["arguments"]["parameters"]}["registry"]["value"]
    with installation(tmp_path / "overlay") as elsewhere:
        assert "created    bucket/team-vision" in elsewhere.bootstrap(f"--site={path}")
        cluster = connect()
        values = read_secret(cluster, elsewhere.namespace, "argosight-store")
        with reach(cluster, values["AWS_ENDPOINT_URL_S3"], elsewhere.namespace) as host:
            here = values | {"AWS_ENDPOINT_URL_S3": f"http://{host}", "STEP_WORK": str(tmp_path / "bench" / "work")}
            for name, value in here.items():
                monkeypatch.setenv(name, value)
            bench = Bench(tmp_path / "bench")
            assert bench.publish(registry) == 0
            (origin,) = origins_of(ServeInputs(registry=registry, model_name="planes"))
            edition, _ = origin.fetch(tmp_path / "served")
            assert (edition.number, edition.url) == (1, "s3://team-vision/models/planes/1")
            assert bench.publish("s3://argosight/models") == 2, "what the site does not name is not for this user"
        done = elsewhere.argosight("doctor", "--only=cluster", f"--site={path}")
        assert "bucket team-vision can be listed" in done.stdout


def test_drift_is_named_and_mended_when_bootstrap_runs_again(place: Installation) -> None:
    place.kubectl(
        "patch", "role", "argosight-executor", "--type=json", "-p", '[{"op": "remove", "path": "/rules/0/verbs/1"}]'
    )
    place.kubectl("delete", "networkpolicy", "default-deny")
    with store(place, root=True) as client:
        client.set_bucket_versioning("argosight", VersioningConfig("Suspended"))
        client.delete_bucket_lifecycle("argosight")
    done = place.argosight("doctor", "--only=cluster")
    assert done.returncode == 1
    assert "may not patch workflowtaskresults" in done.stdout
    assert "without versions and a rule that clears runs/" in done.stdout
    assert changed(place.bootstrap()) == [
        "changed    role/argosight-executor: rules",
        "created    networkpolicy/default-deny",
        "changed    bucket/argosight versioning",
        "changed    bucket/argosight lifecycle: runs/ and cache/ go after 30 days, old versions after 30",
    ]
    assert place.argosight("doctor", "--only=cluster").returncode == 0


def test_rules_of_others_stay_when_the_lifecycle_is_set(place: Installation) -> None:
    from minio.commonconfig import ENABLED, Filter  # noqa: PLC0415
    from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule  # noqa: PLC0415

    theirs = Rule(
        status=ENABLED, rule_filter=Filter(prefix="capture/"), rule_id="theirs", expiration=Expiration(days=90)
    )
    with store(place, root=True) as client:
        client.set_bucket_lifecycle("argosight", LifecycleConfig([theirs]))
    assert "after 7 days" in place.bootstrap("--keep-runs-days=7")
    with store(place, root=True) as client:
        config = client.get_bucket_lifecycle("argosight")
    assert config is not None
    assert {rule.rule_id for rule in config.rules} == {
        "theirs",
        "argosight-runs",
        "argosight-cache",
        "argosight-versions",
    }
    place.bootstrap()


@pytest.mark.parametrize("account", ACCOUNTS)
def test_account_may_neither_read_secrets_nor_leave_its_namespace(place: Installation, account: str) -> None:
    user = f"--as=system:serviceaccount:{place.namespace}:{account}"
    rules = place.kubectl("auth", "can-i", "--list", "--no-headers", user)
    assert "secrets" not in rules
    assert "roles" not in rules
    assert "*.*" not in rules
    for elsewhere in (["get", "pods", "-n", "kube-system"], ["create", "workflows.argoproj.io", "-n", "default"]):
        # `auth can-i` exits with 1 for no, so the answer is asked for without a check.
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": user.removeprefix("--as="),
                "resourceAttributes": {
                    "verb": elsewhere[0],
                    "resource": elsewhere[1].partition(".")[0],
                    "group": elsewhere[1].partition(".")[2],
                    "namespace": elsewhere[3],
                },
            },
        }
        answer = json.loads(kubectl("create", "-o", "json", "-f", "-", text=json.dumps(review)))
        assert answer["status"]["allowed"] is False


def test_pod_is_refused_when_it_is_not_restricted(place: Installation) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root"},
        "spec": {"containers": [{"name": "main", "image": "busybox:1"}]},
    }
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        place.kubectl("create", "--dry-run=server", "-f", "-", text=json.dumps(pod))


def test_minio_runs_restricted_when_it_comes_along(place: Installation) -> None:
    pods = read("pods", "-n", place.namespace, "-l", "app.kubernetes.io/name=minio")["items"]
    assert [pod["status"]["containerStatuses"][0]["ready"] for pod in pods] == [True]
    container = pods[0]["spec"]["containers"][0]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_doctor_names_the_pod_that_hangs_and_the_store_that_differs(place: Installation) -> None:
    secure = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "no-image"},
        "spec": {
            "securityContext": {"runAsNonRoot": True, "runAsUser": 8737, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "main", "image": "127.0.0.1:1/not/there:1", "securityContext": secure}],
        },
    }
    place.kubectl("create", "-f", "-", text=json.dumps(pod))
    place.kubectl(
        "patch", "configmap", "artifact-repositories", "-p", '{"data": {"argosight": "s3: {bucket: b, endpoint: e}"}}'
    )
    try:
        end = time.monotonic() + 180
        while "ImagePull" not in (output := place.argosight("doctor", "--only=cluster").stdout):
            assert time.monotonic() < end, output + place.describe()
            time.sleep(1)
    finally:
        place.kubectl("delete", "pod", "no-image", "--wait=false")
    assert "pod no-image" in output
    assert "Argo keeps artifacts in https://e/b, steps in http://minio:9000/argosight" in output
    assert changed(place.bootstrap()) == ["changed    configmap/artifact-repositories: data.argosight"]


def test_prod_takes_the_store_of_the_environment_when_it_is_elsewhere(place: Installation, tmp_path: Path) -> None:
    overlay = write_overlay(tmp_path / "prod", OVERLAYS / "prod")
    other = Installation(f"{place.namespace}-prod", overlay)
    root = read_secret(connect(), place.namespace, "argosight-minio")
    endpoint = f"http://minio.{place.namespace}:9000"
    try:
        done = other.argosight("bootstrap", f"--overlay={overlay}", "--no-templates")
        assert done.returncode == 2
        assert "AWS_ACCESS_KEY_ID" in done.stderr
        assert "Traceback" not in done.stderr
        output = other.bootstrap(
            AWS_ENDPOINT_URL_S3=endpoint, AWS_ACCESS_KEY_ID="team", AWS_SECRET_ACCESS_KEY="a-secret-of-theirs", **root
        )
        assert "created    user/team" in output
        assert "deployment/minio" not in output
        config = read("configmap", "artifact-repositories", "-n", other.namespace)["data"]["argosight"]
        assert f"endpoint: minio.{place.namespace}:9000" in config
        assert "insecure: true" in config
        # Now the cluster knows: nothing of it has to be set again.
        assert changed(other.bootstrap()) == []
        assert other.argosight("doctor", "--only=cluster").returncode == 0
    finally:
        kubectl("delete", "namespace", other.namespace, "--ignore-not-found", "--wait=false")


def test_the_right_that_is_missing_is_named_when_bootstrap_may_not(place: Installation, tmp_path: Path) -> None:
    token = place.kubectl("create", "token", "argosight").strip()
    config = json.loads(kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    config["users"][0]["user"] = {"token": token}
    (tmp_path / "config").write_text(json.dumps(config))
    done = place.argosight("bootstrap", f"--overlay={place.overlay}", KUBECONFIG=str(tmp_path / "config"))
    assert done.returncode == 2
    assert "cannot get resource" in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    seen = place.argosight("doctor", "--only=cluster", KUBECONFIG=str(tmp_path / "config"))
    assert seen.returncode == 1
    assert "you may not create workflows" in seen.stdout
    assert "Traceback" not in seen.stderr
