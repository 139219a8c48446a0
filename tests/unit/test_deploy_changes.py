"""Which settings hold when a deployment changes what serves already, and what is refused because it would not."""

import pytest

from steps.command_line import parse
from steps.deploy.cluster.record import Record, Served, overruled, settings_of, with_settings
from steps.deploy.cluster.service import settle
from steps.deploy.contract import DEPLOY, DeployInputs
from steps.deploy.registry import open_registry
from steps.errors import ParameterError

KEPT = {"registry": "s3://argosight/models", "model-name": "planes", "cpu": "2", "image": "argosight/serve:1"}


def asked(*flags: str) -> DeployInputs:
    return parse(DEPLOY, flags)


def record(canary: int = 0) -> Record:
    settings = settings_of(asked("--deploy-target=deployment", *(f"--{name}={text}" for name, text in KEPT.items())))
    one = Served(version=1, settings=settings, deployed="one")
    return Record(
        stable=one, canary=Served(version=canary, settings=settings, deployed="two") if canary else None, manifests=()
    )


def test_given_image_and_registry_hold_when_the_rest_is_kept() -> None:
    inputs = asked("--keep-settings=true", "--image=argosight/serve:2", "--registry=s3://other/models")
    settled = settle(inputs, record())
    assert (settled.image, settled.registry) == ("argosight/serve:2", "s3://other/models")
    assert (settled.cpu, settled.deploy_target, settled.model_name) == ("2", "deployment", "planes")


def test_a_deployment_is_made_when_nothing_is_there_to_keep() -> None:
    settled = settle(asked("--keep-settings=true", "--first-registry=s3://here/models"), None)
    assert (settled.deploy_target, settled.registry) == ("deployment", "s3://here/models")


def test_the_registry_of_the_last_deployment_goes_before_that_of_the_site() -> None:
    settled = settle(asked("--keep-settings=true", "--first-registry=s3://here/models"), record())
    assert settled.registry == KEPT["registry"]
    assert "first-registry" not in settings_of(settled)


def test_a_deployment_is_refused_when_no_registry_is_known() -> None:
    with pytest.raises(ParameterError, match="--registry is not given"):
        open_registry(settle(asked("--keep-settings=true"), None))


@pytest.mark.parametrize("change", ["promote", "rollback"])
def test_what_was_is_kept_whole_when_it_is_promoted_or_rolled_back(change: str) -> None:
    same = ["--registry=s3://argosight/models/", "--model-name=planes", "--ready-timeout=9s"]
    settled = settle(asked(f"--change={change}", *same), record(canary=2))
    assert (settled.image, settled.cpu, settled.ready_timeout) == ("argosight/serve:1", "2", "9s")
    assert (settled.version, settled.canary) == (2 if change == "promote" else 0, 0)


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--change=promote", "--cpu=1", "--min-replicas=3"], "--min-replicas=3 --cpu=1: --change=promote keeps"),
        (["--change=promote", "--image=argosight/serve:2"], "--image=argosight/serve:2: "),
        (["--change=promote", "--server-flags=--max-batch=4"], "--server-flags=--max-batch=4: "),
        (["--change=promote", "--version=1"], "--version=1: the canary is version 2"),
        (["--change=promote", "--canary=10"], "--canary=10: "),
        (["--change=promote", "--registry=s3://other/models"], "--registry=s3://other/models: "),
        (
            ["--change=rollback", "--model-name=ships", "--service=planes"],
            "--model-name=ships: --change=rollback keeps",
        ),
        (["--change=rollback", "--registry=s3://other/models"], "--registry=s3://other/models: "),
    ],
)
def test_settings_are_refused_when_they_would_be_passed_over(flags: list[str], why: str) -> None:
    with pytest.raises(ParameterError, match=why):
        settle(asked(*flags), record(canary=2))


def test_defaults_differ_from_nothing_when_the_record_is_older_than_a_setting() -> None:
    old = {name: text for name, text in record().stable.settings.items() if name != "server-flags"}
    assert overruled(asked("--server-flags="), old) == []
    assert with_settings(asked(), {**old, "unknown": "1"}).cpu == "2"
