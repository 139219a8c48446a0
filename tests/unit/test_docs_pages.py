"""The pages of the docs: what they link to is there, and what `docs/deploying.md` says of flags is what the code says."""

import re
import shlex
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from steps.contract import argo_name
from steps.deploy.cluster.settings import TARGETS
from steps.deploy.contract import DEPLOY
from workflows.argo.site import ROOT
from workflows.argo.versions import SUPPORTED, read_version
from workflows.cluster.submission import check

PAGES = sorted((ROOT / "docs").glob("*.md"))
DEPLOYING = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"^```console\n(.*?)^```$", DEPLOYING, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
    if line.startswith("argosight ")
]


def test_versions_of_argo_are_those_that_are_supported_when_a_page_names_them() -> None:
    oldest, newest = SUPPORTED[0], SUPPORTED[-1]
    pages = {page.stem: page.read_text(encoding="utf-8") for page in PAGES}
    assert f"| Argo Workflows {oldest} or {newest}: " in pages["install-cluster"]
    assert f"Argo Workflows {oldest} or {newest}; then" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"## Argo {oldest} and {newest}\n" in pages["conformance"]
    named = re.findall(r"argo-workflows/releases/download/([^/]+)/", pages["install-kind"])
    assert named
    assert {read_version(tag) for tag in named} <= set(SUPPORTED)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MkDocs make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_target_is_there_when_a_page_links_to_it(page: Path) -> None:
    missing = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            missing.append(link)
    assert not missing


@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_understood_when_it_is_typed_as_on_the_page(command: str) -> None:
    _, name, *words = shlex.split(command)
    parser = ArgumentParser(allow_abbrev=False)
    import_module(f"workflows.cli.{name}").configure(parser)
    parser.parse_args(words)


def test_parameters_are_taken_when_a_run_is_submitted_as_on_the_page() -> None:
    (command,) = [line for line in COMMANDS if line.startswith("argosight submit")]
    template: dict[str, Any] = yaml.safe_load((ROOT / "argo" / "rendered" / "train-detector.yaml").read_text())
    check(template, dict(re.findall(r"-p ([a-z-]+)=(\S+)", command)))


def test_defaults_are_those_of_the_contract() -> None:
    table = DEPLOYING.partition("| flag | default | |\n")[2].partition("\n\n")[0]
    defaults = {argo_name(name): field.default for name, field in DEPLOY.inputs.model_fields.items()}
    said: dict[tuple[str, ...], str] = {}
    for row in table.splitlines()[1:]:
        flags, default, _ = (cell.strip() for cell in row.strip("|").split("|"))
        said[tuple(re.findall(r"--([a-z-]+)", flags))] = default.replace("`", "")
    assert {flag for flags in said for flag in flags} <= defaults.keys()
    for same in (
        ("cpu", "memory", "memory-limit"),
        ("serving-gpus",),
        ("store-secret",),
        ("scale-metric",),
        ("model-source",),
    ):
        assert said[same] == ", ".join(str(defaults[flag]) for flag in same)
    assert said["min-replicas", "max-replicas"].startswith(str(defaults["min-replicas"]))
    assert said["scale-target",] == f"{TARGETS['cpu']} (cpu), {TARGETS['memory']} (memory), {TARGETS['rps']}"
    assert TARGETS["rps"] == TARGETS["concurrency"]
