"""Nobody notices: requests at a steady rate through a rollout, a canary and a rollback, none of which fails."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.deployments import Model, a_model, why_absent
from tests.cluster.traffic import Traffic

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(900)]
RATE = 20
LONGEST_S = 600
CHANGES = {
    "deployment": ("deploy --version=2 --canary=50", "deploy --promote", "rollback 1"),
    "kserve": ("deploy --version=2", "rollback 1"),
    "both": ("deploy --version=2 --deploy-target=kserve", "deploy --version=1 --deploy-target=deployment"),
}
"""By the target at the start; `both` begins with a Deployment."""


@pytest.fixture(params=CHANGES)
def model(cluster: None, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Model, str]]:
    if why_absent():
        pytest.skip(why_absent())
    with a_model(tmp_path, versions=2) as model:
        yield model, request.param


def test_no_request_fails_when_the_version_changes_and_changes_back(model: tuple[Model, str]) -> None:
    served, target = model
    served.start(f"--deploy-target={'deployment' if target == 'both' else target}")
    image = (served.folder / "1" / "golden" / "image.jpg").read_bytes()
    traffic = Traffic.start(f"{served.name}-clients", served.output("url"), image, longest_s=LONGEST_S, rate=RATE)
    try:
        for words in CHANGES[target]:
            done = served.argosight(*words.split())
            assert done.returncode == 0, f"{done.stderr}\n{served.describe()}"
        time.sleep(5)  # What is on its way out may still get requests.
        counts = traffic.end(60)
    finally:
        traffic.remove()
    print(json.dumps({"target": target, **counts}))
    assert counts["faults"] == []
    assert set(counts["answered"]) == {"1", "2"}
    assert sum(counts["answered"].values()) > 0.8 * counts["seconds"] * RATE
