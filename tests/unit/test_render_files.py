"""`argosight render`: what it writes, what it refuses, and how it tells of drift."""

import os
from argparse import ArgumentParser
from pathlib import Path

import pytest
import yaml

from tests.factories_argo import small_workflow
from workflows.argo.graph import condition_words, mermaid
from workflows.argo.manifest import manifest
from workflows.argo.site import ROOT, SITE
from workflows.cli import render

GOLDEN = ROOT / "tests" / "golden" / "small.yaml"


def run(*words: str) -> int:
    parser = ArgumentParser()
    render.configure(parser)
    return render.run(parser.parse_args(words))


def test_rendered_files_are_current() -> None:
    assert run("--check") == 0, "run `argosight render`"


def test_small_workflow_renders_as_it_did() -> None:
    text = manifest(small_workflow())
    if os.environ.get("REGENERATE"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text(), "if the change is meant: REGENERATE=1 pytest tests/unit/test_render_files.py"


def test_drift_is_shown_with_a_way_to_mend_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--out", str(tmp_path)) == 0
    assert run("--out", str(tmp_path), "--check") == 0
    page = tmp_path / "docs/reference/step-split.md"
    page.write_text(page.read_text().replace("# split", "# slipt"))
    (tmp_path / "docs/reference/step-gone.md").write_text(page.read_text())
    (tmp_path / "docs/reference/by-hand.md").write_text("# Mine\n")
    capsys.readouterr()
    assert run("--out", str(tmp_path), "--check") == 1
    shown = capsys.readouterr()
    assert "-# slipt\n+# split\n" in shown.out
    assert "docs/reference/step-gone.md is generated no more" in shown.out
    assert shown.err == "2 generated files are not current\n  hint: run `argosight render` and commit what it writes\n"
    assert "# slipt" in page.read_text()


def test_left_over_pages_go_and_others_stay_when_rendered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("--out", str(tmp_path))
    gone, mine = tmp_path / "docs/reference/step-gone.md", tmp_path / "docs/reference/by-hand.md"
    gone.write_text((tmp_path / "docs/reference/step-split.md").read_text())
    mine.write_text("# Mine\n")
    capsys.readouterr()
    assert run("--out", str(tmp_path)) == 0
    assert capsys.readouterr().out == "removed docs/reference/step-gone.md\n"
    assert mine.exists()
    assert not gone.exists()


def test_other_site_is_rendered_when_named(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(SITE.read_text().replace("registry: argosight ", "registry: other.example "))
    assert run("--site", str(site), "--out", str(tmp_path)) == 0
    assert "image: other.example/train:" in (tmp_path / "argo/rendered/train-detector.yaml").read_text()


def test_wrong_site_is_refused_before_anything_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(SITE.read_text().replace("  gpu: {cpu", "  gpuu: {cpu"))
    assert run("--site", str(site), "--out", str(tmp_path)) == 2
    assert "no size 'gpu' in config/site.yaml\n  hint: add a row" in capsys.readouterr().err
    assert not (tmp_path / "argo").exists()


def test_faults_are_listed_before_anything_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(SITE.read_text().replace("service-account: argosight ", 'service-account: "{{workflow.nme}}" '))
    assert run("--site", str(site), "--out", str(tmp_path)) == 2
    assert "train-detector: spec: {{workflow.nme}}: is nothing that both" in capsys.readouterr().err
    assert not (tmp_path / "argo").exists()


def test_graph_has_boxes_conditions_and_only_nearest_edges() -> None:
    spec = yaml.safe_load((ROOT / "argo/rendered/train-detector.yaml").read_text())["spec"]
    lines = [line.strip() for line in mermaid(spec).splitlines()]
    assert 'resize_run["run<br/>if resize is true"]' in lines
    assert "device --> train" in lines
    assert "split --> train" not in lines
    assert lines.count("end") == 4
    assert lines[-1] == "deploy -.-> at_exit"


def test_conditions_are_spelled_for_people() -> None:
    when = "'{{workflow.parameters.deploy}}' == 'true' && '{{inputs.parameters.device}}' != 'cpu'"
    assert condition_words(when) == "deploy is true and device is not cpu"


def test_every_link_of_the_reference_leads_somewhere() -> None:
    folder = ROOT / "docs" / "reference"
    for page in folder.glob("*.md"):
        for target in (part.split(")")[0] for part in page.read_text().split("](")[1:]):
            assert (folder / target).is_file(), f"{page.name}: {target}"
