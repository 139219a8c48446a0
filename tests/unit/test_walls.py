"""Walls between steps. The others are import-linter's; these follow from the list of steps, which grows by itself."""

import grimp
import pytest

from steps.catalog import STEPS

FOLDERS = sorted(step.entry.split(".")[1] for step in STEPS.values())
HEAVY = ("torch", "torchvision", "ultralytics", "onnxruntime", "openvino", "cv2", "numpy", "boto3", "hera")


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("steps", "workflows", include_external_packages=True, cache_dir=None)


@pytest.mark.parametrize("folder", FOLDERS)
def test_step_imports_no_other_step(imports: grimp.ImportGraph, folder: str) -> None:
    own = {f"steps.{folder}", *imports.find_descendants(f"steps.{folder}")}
    reached = {other for module in own for other in imports.find_modules_directly_imported_by(module)}
    others = {f"steps.{other}" for other in FOLDERS if other != folder}
    assert {m for m in reached if any(m == o or m.startswith(f"{o}.") for o in others)} == set()


@pytest.mark.parametrize("folder", FOLDERS)
def test_contract_stays_light_when_imported(imports: grimp.ImportGraph, folder: str) -> None:
    reached = imports.find_upstream_modules(f"steps.{folder}.contract")
    assert {m for m in reached if m.split(".")[0] in HEAVY or m.endswith(".run")} == set()


def test_shared_packages_import_no_step(imports: grimp.ImportGraph) -> None:
    steps = tuple(f"steps.{folder}" for folder in FOLDERS)
    shared = [m for m in imports.modules if m.startswith("steps.") and ".".join(m.split(".")[:2]) not in steps]
    kernel = {"steps.catalog"}  # imports contracts by name, when it runs
    found = {
        (module, other)
        for module in shared
        if module not in kernel
        for other in imports.find_modules_directly_imported_by(module)
        if ".".join(other.split(".")[:2]) in steps
    }
    assert found == set()


def test_workflows_import_contracts_alone_when_they_wire_steps(imports: grimp.ImportGraph) -> None:
    steps = tuple(f"steps.{folder}." for folder in FOLDERS)
    workflows = [module for module in imports.modules if module.split(".")[0] == "workflows"]
    reached = {m for w in workflows for m in imports.find_modules_directly_imported_by(w) if m.startswith(steps)}
    assert {module for module in reached if not module.endswith(".contract")} == set()
