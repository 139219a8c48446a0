"""The local engine does what Argo did: compared node by node with what was recorded on a cluster."""

from pathlib import Path

import pytest

from tests.conformance.cases import CASES, DIFFERS, RECORDED, Case
from tests.conformance.comparison import differences
from workflows.argo.site import ROOT
from workflows.argo.versions import FOLLOWED, SUPPORTED, ArgoVersion

MARKED = [(case, version) for case in CASES for version in SUPPORTED if str(version) in case.differs]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nodes_are_those_of_argo_when_run_here(case: Case, tmp_path: Path) -> None:
    argo = case.recorded(FOLLOWED)
    found = differences(argo, case.run(argo.name, tmp_path))
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize(("case", "version"), MARKED, ids=lambda value: getattr(value, "name", str(value)))
def test_recordings_differ_when_a_version_is_said_to(case: Case, version: ArgoVersion) -> None:
    argo = case.recorded(version)
    assert argo.argo.startswith(f"{version}.")
    assert differences(argo, case.recorded(FOLLOWED).renamed(argo.name))


def test_every_difference_is_marked_recorded_and_told_on_the_page() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    assert DIFFERS.keys() == {case.name for case, _ in MARKED}
    assert {case.recording(version) for case, version in MARKED} == set(RECORDED.glob("*/*.json"))
    for case, version in MARKED:
        assert version != FOLLOWED, "the local engine follows it"
        assert f"| `{case.name}` | {case.differs[str(version)]} |" in page
