"""`argosight render`: write manifests and reference pages, or tell whether those on disk are current."""

import sys
from argparse import ArgumentParser, Namespace
from difflib import unified_diff
from itertools import islice
from pathlib import Path

from steps.catalog import STEPS
from workflows.argo.catalog import build_schedules, build_workflows
from workflows.argo.events import events_component
from workflows.argo.formats_page import formats_page
from workflows.argo.lint import lint
from workflows.argo.manifest import HEADER
from workflows.argo.markdown import GENERATED
from workflows.argo.reference import index_page, step_page, workflow_page
from workflows.argo.schema import schema_faults
from workflows.argo.site import ROOT, SITE, Site, SiteError, read_site
from workflows.argo.wiring import WiringError

SHOWN = 40  # lines of a diff that say enough


def configure(parser: ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 and show a diff if anything is not current"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT,
        help="folder that gets argo/rendered/ and docs/reference/ (default: the project)",
    )
    parser.add_argument("--site", type=Path, default=SITE, help="the cluster to render for (default: config/site.yaml)")
    parser.epilog = "example:\n  argosight render --site=config/site.yaml --out=build"


def run(arguments: Namespace) -> int:
    """Render; 1 when `--check` finds drift, 2 when there is nothing sound to render."""
    try:
        files, faults = render(read_site(arguments.site))
    except (SiteError, WiringError) as error:
        sys.stderr.write(f"render: {error}\n")
        return 2
    if faults:
        sys.stderr.write("".join(f"{fault}\n" for fault in faults))
        sys.stderr.write("  hint: mend the workflow or the contract; no file was written\n")
        return 2
    stale = left_over(arguments.out, files)
    if arguments.check:
        return _check(arguments.out, files, stale)
    for path, text in files.items():
        target = arguments.out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if _read(target) != text:
            target.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {path}\n")
    for path in stale:
        (arguments.out / path).unlink()
        sys.stdout.write(f"removed {path}\n")
    return 0


def render(site: Site) -> tuple[dict[Path, str], list[str]]:
    """Return every generated file, by its path in the project, and what lint finds wrong with the manifests."""
    workflows = build_workflows(site)
    faults = [f"{workflow.name}: {fault}" for workflow in workflows for fault in lint(workflow.document)]
    schedules = build_schedules(site)
    faults += [
        f"{schedule.name}: {fault}" for schedule in schedules for fault in schema_faults(dict(schedule.document))
    ]
    manifests, pages = Path("argo/rendered"), Path("docs/reference")
    steps = list(STEPS.values())
    files = {manifests / f"{workflow.name}.yaml": workflow.text for workflow in workflows}
    files |= {manifests / "cron" / f"{schedule.name}.yaml": schedule.text for schedule in schedules}
    files[manifests / "events" / "kustomization.yaml"] = events_component(site)
    files |= {pages / f"workflow-{workflow.name}.md": workflow_page(workflow, steps) for workflow in workflows}
    files |= {pages / f"step-{step.name}.md": step_page(step, workflows) for step in steps}
    files[Path("docs/formats.md")] = formats_page()
    files[pages / "index.md"] = index_page(workflows, steps)
    return files, faults


def left_over(root: Path, files: dict[Path, str]) -> list[Path]:
    """Return files that an earlier rendering wrote under `root` and this one does not know."""
    marks = {"*.yaml": HEADER, "*.md": GENERATED}
    found = [
        path.relative_to(root)
        for folder in {path.parent for path in files}
        for pattern, mark in marks.items()
        for path in (root / folder).glob(pattern)
        if path.read_text(encoding="utf-8").startswith(mark)
    ]
    return sorted(set(found) - files.keys())


def _check(root: Path, files: dict[Path, str], stale: list[Path]) -> int:
    drifted = [path for path, text in files.items() if _read(root / path) != text]
    for path in drifted:
        old = (_read(root / path) or "").splitlines()
        diff = list(
            unified_diff(old, files[path].splitlines(), f"{path} (on disk)", f"{path} (from the code)", lineterm="")
        )
        sys.stdout.write("".join(f"{line}\n" for line in islice(diff, SHOWN)))
        if len(diff) > SHOWN:
            sys.stdout.write(f"… {len(diff) - SHOWN} more lines\n")
    sys.stdout.write("".join(f"{path} is generated no more\n" for path in stale))
    count = len(drifted) + len(stale)
    if not count:
        return 0
    sys.stderr.write(
        f"{count} generated files are not current\n  hint: run `argosight render` and commit what it writes\n"
    )
    return 1


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
