"""`argo/events`: which uploads the Sensor takes, and that it asks for what `retrain` offers."""

import re
from typing import Any

import pytest
import yaml

from steps.watch.place import NAME
from workflows.argo.events import events_component
from workflows.argo.site import ROOT, SITE, Site, read_site

EVENTS = ROOT / "argo" / "events"


@pytest.fixture(scope="module")
def sensor() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((EVENTS / "base" / "sensor.yaml").read_text())["spec"]
    return found


@pytest.fixture(scope="module")
def source() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((EVENTS / "base" / "eventsource.yaml").read_text())["spec"]
    return found


@pytest.mark.parametrize(
    ("key", "taken"),
    [
        ("datasets/planes.zip", True),
        ("datasets%2Fplanes.zip", True),
        ("datasets/planes-2.tar.gz", True),
        ("datasets/p.tgz", True),
        ("datasets/p.tar", True),
        (f"datasets/{'p' * 40}.zip", True),
        (f"datasets/{'p' * 41}.zip", False),
        ("datasets/Planes.zip", False),
        ("datasets/planes.zip.part", False),
        ("datasets/planes-.zip", False),
        ("datasets/planes", False),
        ("datasets/deep/planes.zip", False),
        ("datasets%2Fdeep%2Fplanes.zip", False),
        ("other/datasets/planes.zip", False),
        ("datasets/a%20b.zip", False),
    ],
)
def test_only_archives_with_the_name_of_a_model_start_a_run(sensor: dict[str, Any], key: str, taken: bool) -> None:
    (wanted,) = sensor["dependencies"][0]["filters"]["data"]
    (pattern,) = wanted["value"]
    assert bool(re.search(pattern, key)) == taken
    name = re.split(r"/|%2F", key)[-1].partition(".")[0]
    assert not taken or NAME.fullmatch(name)


def test_run_is_given_what_its_template_offers(sensor: dict[str, Any]) -> None:
    run = sensor["triggers"][0]["template"]["k8s"]["source"]["resource"]
    alias = run["spec"]["workflowTemplateRef"]
    template = yaml.safe_load((ROOT / "argo" / "rendered" / f"{alias['name']}.yaml").read_text())
    assert alias["clusterScope"]
    offered = {one["name"] for one in template["spec"]["arguments"]["parameters"]}
    assert {one["name"] for one in run["spec"]["arguments"]["parameters"]} <= offered


def test_every_parameter_is_filled_from_the_event(sensor: dict[str, Any]) -> None:
    trigger = sensor["triggers"][0]["template"]["k8s"]
    names = [one["name"] for one in trigger["source"]["resource"]["spec"]["arguments"]["parameters"]]
    filled = {one["dest"]: one["src"]["dataTemplate"] for one in trigger["parameters"]}
    assert filled.keys() == {"metadata.name", *(f"spec.arguments.parameters.{n}.value" for n in range(len(names)))}
    assert "object.key" in filled[f"spec.arguments.parameters.{names.index('source')}.value"]
    assert "sequencer" in filled["metadata.name"], "the same event twice has the same name"


def test_every_overlay_takes_bucket_keys_and_account_from_the_site(
    sensor: dict[str, Any], source: dict[str, Any]
) -> None:
    for overlay in (EVENTS / "overlays").iterdir():
        (place,) = yaml.safe_load((overlay / "kustomization.yaml").read_text())["components"]
        assert (overlay / place).resolve() == ROOT / "argo" / "rendered" / "events"
    here = {"bucket": "team-vision", "store-secret": "keys", "submitter-account": "starter"}
    component = yaml.safe_load(events_component(Site.model_validate(yaml.safe_load(SITE.read_text()) | here)))
    changes = [yaml.safe_load(one["patch"]) for one in component["patches"]]
    bases = [yaml.safe_load((EVENTS / "base" / f"{name}.yaml").read_text()) for name in ("eventsource", "sensor")]
    assert [(one["kind"], one["metadata"]["name"]) for one in changes] == [
        (one["kind"], one["metadata"]["name"]) for one in bases
    ]
    patches = {one["kind"]: one["spec"] for one in changes}
    uploaded = patches["EventSource"]["minio"]["uploaded"]
    assert uploaded == {"bucket": {"name": "team-vision"}, "accessKey": {"name": "keys"}, "secretKey": {"name": "keys"}}
    assert uploaded.keys() <= source["minio"]["uploaded"].keys()
    assert patches["Sensor"] == {"template": {"serviceAccountName": "starter"}}
    assert "serviceAccountName" in sensor["template"]


def test_pods_are_restricted_and_use_the_accounts_of_the_site(sensor: dict[str, Any], source: dict[str, Any]) -> None:
    site = read_site()
    assert sensor["template"]["serviceAccountName"] == site.submitter_account
    keys = source["minio"]["uploaded"]
    assert {keys[one]["name"] for one in ("accessKey", "secretKey")} == {site.store_secret}
    for template in (sensor["template"], source["template"]):
        assert template["securityContext"]["runAsNonRoot"]
        assert template["container"]["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_listens_to_whole_objects_below_the_prefix_only(source: dict[str, Any]) -> None:
    uploaded = source["minio"]["uploaded"]
    assert uploaded["events"] == ["s3:ObjectCreated:*"]
    assert uploaded["filter"]["prefix"] == "datasets/"
