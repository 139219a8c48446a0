"""Write the page and the summary, whatever there is to tell of."""

from steps.report.contract import ReportInputs, ReportOutputs
from steps.report.evidence import gather
from steps.report.outcome import judge
from steps.report.page import render_page
from steps.report.summary import summarise
from steps.workspace import Workspace


def report(inputs: ReportInputs, work: Workspace) -> ReportOutputs:
    """Tell what a run did."""
    evidence = gather(inputs)
    outcome = judge(evidence)
    page, summary = work.out / "report", work.out / "summary"
    page.write_text(render_page(evidence, outcome), encoding="utf-8")
    summary.write_text(summarise(evidence, outcome).model_dump_json(indent=1) + "\n", encoding="utf-8")
    work.progress(1, 1, outcome.headline)
    return ReportOutputs(report=page, summary=summary)
