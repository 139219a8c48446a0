"""Both engines run the same small workflows now, and agree node by node."""

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import pytest

from tests.conformance.cases import CASES, ENDLESS_S, Case
from tests.conformance.cluster import Batch, argo_version, why_absent
from tests.conformance.comparison import differences
from tests.conformance.contents import digests_of
from tests.conformance.view import view_of_argo

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]
TOGETHER_S = 1740.0

Submitted = dict[str, tuple[str, Future[dict[str, Any]]]]


@pytest.fixture(scope="module")
def submitted(request: pytest.FixtureRequest) -> Iterator[Submitted]:
    """Submit every chosen case at once; each test then waits for its own."""
    absent = why_absent()
    if absent:
        pytest.fail(absent)
    chosen = [
        cast("Case", item.callspec.params["case"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.fspath == request.node.fspath and hasattr(item, "callspec")
    ]
    batch = Batch()
    try:
        yield {case.name: _submit(batch, case) for case in chosen}
    finally:
        batch.close()


def _submit(batch: Batch, case: Case) -> tuple[str, Future[dict[str, Any]]]:
    name = case.new_name()
    if case.runs_on_for_ever(argo_version()):
        return name, batch.submit(case.workflow(name), ENDLESS_S, endless=True)
    return name, batch.submit(case.workflow(name), 300.0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_engines_agree_when_they_run_the_same_manifest(case: Case, submitted: Submitted, tmp_path: Path) -> None:
    name, future = submitted[case.name]
    workflow = future.result(timeout=TOGETHER_S)
    argo = view_of_argo(workflow, digests_of(workflow))
    found = differences(argo, case.expected(argo_version(), name, tmp_path))
    assert not found, "\n".join(["", *found])
