"""Both engines run `train-detector` with several parameter sets, and agree node by node, metrics and digests included."""

import secrets
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import pytest

from tests.cluster.runs import site
from tests.conformance.cluster import Batch, why_absent
from tests.conformance.comparison import differences
from tests.conformance.contents import digests_of
from tests.conformance.detector import CASES, DetectorCase, alike, close_to
from tests.conformance.sources import upload_all
from tests.conformance.store import store_variables
from tests.conformance.view import view_of_argo

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(2400)]
DEADLINE_S = 1200.0
TOGETHER_S = 2300.0

Submitted = dict[str, tuple[str, str, Future[dict[str, Any]]]]


@pytest.fixture(scope="module")
def submitted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Submitted]:
    """Upload the sources and submit every chosen case at once; each test then waits for its own."""
    absent = why_absent()
    if absent:
        pytest.fail(absent)
    chosen = [
        cast("DetectorCase", item.callspec.params["case"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.fspath == request.node.fspath and hasattr(item, "callspec")
    ]
    number = secrets.token_hex(3)
    prefix = f"s3://{site().bucket}/datasets/conformance-{number}"
    batch = Batch(in_flight=2)
    with store_variables(site().store_secret):
        upload_all(tmp_path_factory.mktemp("sources"), prefix)
        try:
            yield {
                case.name: (
                    number,
                    prefix,
                    batch.submit(case.workflow(f"argo-{case.name}-{number}", prefix), DEADLINE_S),
                )
                for case in chosen
            }
        finally:
            batch.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_engines_agree_when_they_train(case: DetectorCase, submitted: Submitted, tmp_path: Path) -> None:
    number, prefix, future = submitted[case.name]
    local = case.run(f"here-{case.name}-{number}", prefix, tmp_path)
    workflow = future.result(timeout=TOGETHER_S)
    argo = alike(view_of_argo(workflow, digests_of(workflow)), {})
    changes = {f"here-{case.name}-{number}": argo.name, f"{prefix}/here/": f"{prefix}/argo/"}
    found = differences(argo, close_to(argo, alike(local, changes)))
    assert not found, "\n".join(["", *found])
    assert argo.phase == case.phase
