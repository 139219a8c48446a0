"""Argo's own UI, in a browser: submit from the form, watch, open the report.

`SCREENSHOTS=docs/images pytest -m cluster tests/cluster/test_ui.py` writes the pictures of the documentation.
"""

import json
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import Browser
from tests.cluster.argo_page import ArgoPage, field_of, forwarded
from tests.cluster.runs import SMALL, ClusterRun, Workflow, manifest, phase, submitted, tries
from tests.conformance.cluster import NAMESPACE, argo_version, kubectl

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(900), pytest.mark.usefixtures("cluster")]


@pytest.fixture
def template() -> Iterator[Workflow]:
    """Apply the template under a name of its own."""
    document = manifest()
    document["metadata"]["name"] = f"train-detector-ui-{secrets.token_hex(3)}"
    kubectl("apply", "--server-side", "-f", "-", text=json.dumps(document))
    yield document
    kubectl("delete", "clusterworkflowtemplate", document["metadata"]["name"], "--wait=false")


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    return Path(os.environ.get("SCREENSHOTS", tmp_path))


def test_a_run_is_submitted_watched_and_its_report_opened_in_the_browser(
    template: Workflow, source: str, shots: Path
) -> None:
    asked = SMALL | {"source": source, "model-name": "planes", "epochs": "8", "cpu-epochs": "8"}
    with forwarded() as address, Browser() as browser:
        page = ArgoPage(browser, address)
        page.visit("/workflows")
        page.choose_namespace(NAMESPACE)  # On Argo 4.0 the form has no field for it, and goes by this.
        page.visit(f"/cluster-workflow-templates/{template['metadata']['name']}")
        page.click("button", "submit")
        page.until("document.querySelector('.sliding-panel textarea') !== null")
        for parameter in template["spec"]["arguments"]["parameters"]:
            check_field(page, parameter)
        if argo_version() >= (4, 1):
            page.fill("Namespace", NAMESPACE)
        for name, value in asked.items():
            page.fill(name, value)
        page.run(
            f"{field_of('device')}.querySelector('i').dispatchEvent(new MouseEvent('mouseenter', {{bubbles: true}}))"
        )
        page.until("document.body.innerText.includes('takes a GPU if a node with one can be had')")
        time.sleep(1)  # It fades in.
        browser.screenshot(shots / "argo-submit.png")
        page.click("button", "submit", within=".sliding-panel")

        page.until(f"location.pathname.startsWith('/workflows/{NAMESPACE}/')")
        run = ClusterRun(str(page.until("location.pathname.split('/')[3]")))
        try:
            run.wait("training", lambda workflow: tries(workflow, "cpu"))
            page.until("document.querySelectorAll('.node.Succeeded').length > 3")
            workflow = run.ended()
            assert phase(workflow) == "Succeeded"
            given = {one["name"]: one["value"] for one in workflow["spec"]["arguments"]["parameters"]}
            assert given.items() >= asked.items()
            assert workflow["metadata"]["annotations"]["workflows.argoproj.io/title"] == "Train planes"

            page.visit(f"/workflows/{NAMESPACE}/{run.name}?showArtifacts=false", height=1000)
            page.until("[...document.querySelectorAll('.node-label')].some(e => e.textContent === 'publish(0)')")
            toggle_artifacts(page)
            browser.screenshot(shots / "argo-run.png")

            toggle_artifacts(page)
            open_report(page)
            browser.screenshot(shots / "argo-report.png")
        finally:
            kubectl("delete", "workflow", run.name, "--wait=false")


def test_what_a_failed_step_said_is_shown_when_its_pod_is_gone(source: str) -> None:
    asked = SMALL | {"source": source.replace("planes-", "gone-"), "model-name": "ui-log"}
    with submitted(asked, prefix="ui") as run, forwarded() as address, Browser() as browser:
        (ingest,) = tries(run.ended(), "ingest")
        run.until_gone(ingest)
        page = ArgoPage(browser, address)
        page.visit(f"/workflows/{NAMESPACE}/{run.name}?tab=workflow&nodeId={ingest['id']}")
        page.click("button", "logs", within=".workflow-details__step-info")
        # The terminal that shows it writes spaces as non-breaking ones.
        shown = "document.querySelector('.workflow-logs-viewer')?.innerText.replaceAll('\\u00a0', ' ')"
        page.until(f"{shown}?.includes('no object and no prefix')")


def test_a_long_step_shows_how_far_it_is(source: str) -> None:
    asked = SMALL | {"source": source, "model-name": "ui-progress", "epochs": "5000", "cpu-epochs": "5000"}
    with submitted(asked, prefix="ui") as run, forwarded() as address, Browser() as browser:

        def told(workflow: Workflow) -> str | None:
            """Return the progress of the training, which the executor passes on once a minute."""
            made = [node["progress"] for node in tries(workflow, "cpu") if not node["progress"].endswith("/1")]
            return made[0] if made else None

        workflow = run.wait("telling", told)
        node, progress = tries(workflow, "cpu")[0], told(workflow)
        assert progress
        done, total = map(int, progress.split("/"))
        assert 0 < done < total
        page = ArgoPage(browser, address)
        page.visit(f"/workflows/{NAMESPACE}/{run.name}?nodeId={node['id']}")
        page.until(f"/PROGRESS\\s+\\d+\\/{total}/.test(document.body.innerText)")
        run.patch({"shutdown": "Terminate"})


def check_field(page: ArgoPage, parameter: dict[str, object]) -> None:
    """Hold a field of the form against the parameter: explained, and a list where there is a choice."""
    field = field_of(str(parameter["name"]))
    assert page.run(f"return {field}.querySelector('i.fa-question-circle') !== null"), parameter["name"]
    options = page.run(f"return [...{field}.querySelectorAll('.select__option')].map(e => e.textContent.trim())")
    assert options == parameter.get("enum", []), parameter["name"]


def toggle_artifacts(page: ArgoPage) -> None:
    """Hide the artifacts in the graph, which is then small enough to be seen whole, or show them again."""
    before = page.run("return document.querySelectorAll('.node').length")
    page.run("document.querySelector('.fa-file-alt').closest('a, button').click()")
    page.until(f"document.querySelectorAll('.node').length !== {before}")


def open_report(page: ArgoPage) -> None:
    """Open the report from the graph of the run, as Argo shows artifacts, and read it."""
    node = "[...document.querySelectorAll('title')].find(e => e.textContent.endsWith('(report.html)'))"
    page.until(f"{node} !== undefined")
    page.run(f"{node}.parentElement.querySelector('g').dispatchEvent(new MouseEvent('click', {{bubbles: true}}))")
    page.click("a", "continue", within=".workflow-details__step-info")
    shown = "document.querySelector('.workflow-details__step-info iframe')?.contentDocument"
    page.until(f"{shown}?.body?.innerText.includes('is published')")
    pictures = f"[...{shown}.querySelectorAll('img')]"
    assert page.run(f"return {pictures}.length") > 0
    if page.run(policy()):
        page.until(f"{pictures}.every(e => e.complete && e.naturalWidth > 0)")


def policy() -> str:
    """Return a script that tells whether Argo's server lets a page show the pictures that are part of it."""
    return """
        const request = new XMLHttpRequest();
        request.open('GET', document.querySelector('.workflow-details__step-info iframe').src, false);
        request.send();
        return /img-src[^;]*data:/.test(request.getResponseHeader('Content-Security-Policy'));
    """
