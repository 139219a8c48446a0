"""The local engine does what Argo did: compared node by node with what was recorded on a cluster."""

from pathlib import Path

import pytest

from tests.conformance.cases import CASES, Case
from tests.conformance.comparison import differences
from tests.conformance.view import RunView


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nodes_are_those_of_argo_when_run_here(case: Case, tmp_path: Path) -> None:
    argo = RunView.model_validate_json(case.recording.read_bytes())
    found = differences(argo, case.run(argo.name, tmp_path))
    assert not found, "\n".join(["", *found])
