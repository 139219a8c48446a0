"""The workflows that both engines run: small ones of this folder, one feature each, and those of the engine's own tests."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.conformance.cluster import as_workflow
from tests.conformance.view import REFUSED, RunView, view_of_run
from workflows.argo.versions import ArgoVersion
from workflows.local.engine import run_workflow
from workflows.local.errors import LocalError
from workflows.local.node import Phase

ENDLESS_S = 60.0
"""How long a workflow that never ends is looked at: what it comes to by itself, it has come to by then."""
HERE = Path(__file__).parent
WORKFLOWS = HERE / "workflows"
RECORDED = HERE / "recorded"
"""What Argo made of each, as it was seen last: the everyday tests compare with it, where there is no cluster."""
ENGINE_TESTS = HERE.parent / "pipeline" / "manifests"
LETTERS = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True)
class Case:
    """A workflow, and what it is given."""

    path: Path
    parameters: dict[str, str] = field(default_factory=dict)
    on_argo: dict[str, str] = field(default_factory=dict)
    """Parameters that have another value there: times, because pods are slower than processes."""
    suffix: str = ""
    deadline_s: float = 600.0

    @property
    def name(self) -> str:
        """How it is called in tests."""
        return f"{self.path.stem}{self.suffix}"

    @property
    def differs(self) -> dict[str, str]:
        """Versions of Argo that do something else with it than the one that the local engine follows, each with what."""
        return DIFFERS.get(self.name, {})

    def recording(self, version: ArgoVersion) -> Path:
        """Return the file that says what `version` of Argo makes of it."""
        folder = RECORDED / str(version) if str(version) in self.differs else RECORDED
        return folder / f"{self.name}.json"

    def recorded(self, version: ArgoVersion) -> RunView:
        """Return what `version` of Argo made of it, as it was seen last."""
        return RunView.model_validate_json(self.recording(version).read_bytes())

    def runs_on_for_ever(self, version: ArgoVersion) -> bool:
        """Return whether `version` of Argo never comes to an end with it."""
        return str(version) in self.differs and self.recorded(version).phase == Phase.RUNNING

    def expected(self, version: ArgoVersion, name: str, home: Path) -> RunView:
        """Return what `version` makes of a run called `name`: what was recorded if it differs, else what the local engine does."""
        return self.recorded(version).renamed(name) if str(version) in self.differs else self.run(name, home)

    def new_name(self) -> str:
        """Return a name for a run of it, the same on both engines: it is in tags, keys and names of pods."""
        return f"{self.name}-{''.join(secrets.choice(LETTERS) for _ in range(5))}"

    def workflow(self, name: str) -> dict[str, Any]:
        """Return the Workflow object for the cluster."""
        document = yaml.safe_load(self.path.read_text(encoding="utf-8"))
        return as_workflow(document, name, {**self.parameters, **self.on_argo})

    def run(self, name: str, home: Path) -> RunView:
        """Run it on the local engine."""
        try:
            return view_of_run(run_workflow(self.path, self.parameters, home, name=name))
        except LocalError as error:
            return RunView(name=name, phase=REFUSED, message=str(error), nodes={})


TIMES = {
    "deadline-node": {"short": "10", "tried": "40"},
    "deadline-steps": {"short": "10"},
    "display-names": {"wait": "8"},
    "mutex-names": {"wait": "30s"},
}
DIFFERS = {
    "expressions-absent": {"4.0": "the message on an expression that reads a skipped task names the expression's parser"},
    "references": {"4.0": "what a skipped task would have put out is an empty text where a later task refers to it"},
    "steps-erring": {"4.0": "a step that refers to what a skipped step would have put out waits for ever, and the run never ends"},
}  # fmt: skip
"""By the name of a case, what versions of Argo make of it. After a new line: `python -m tests.conformance NAME --record` there."""
CASES = [Case(path, on_argo=TIMES.get(path.stem, {})) for path in sorted(WORKFLOWS.glob("*.yaml"))] + [
    Case(WORKFLOWS / "defaults.yaml", {"plain": "given", "float": ""}, suffix="-given"),
    Case(WORKFLOWS / "defaults.yaml", {"plain": "bell \x07"}, suffix="-control"),
    Case(WORKFLOWS / "defaults.yaml", {"plain": "{{tasks.x.status}}"}, suffix="-tag"),
    Case(WORKFLOWS / "defaults.yaml", {"plain": "{{workflow.parameters.nothing}}"}, suffix="-unknown"),
    Case(ENGINE_TESTS / "diamond.yaml"),
    Case(
        ENGINE_TESTS / "diamond.yaml",
        {"resize": "false", "greeting": "a \"b\" 'c' {{x}} é\n$HOME `x` \\"},
        suffix="-odd",
    ),
    Case(ENGINE_TESTS / "failures.yaml"),
    Case(ENGINE_TESTS / "limits.yaml", on_argo={"wait": "20s"}),
    Case(ENGINE_TESTS / "locks.yaml"),
    Case(ENGINE_TESTS / "loops.yaml"),
    Case(ENGINE_TESTS / "references.yaml"),
    Case(ENGINE_TESTS / "retries.yaml"),
    Case(ENGINE_TESTS / "steps.yaml"),
    Case(ENGINE_TESTS / "steps.yaml", {"code": "3"}, suffix="-stopped"),
]
