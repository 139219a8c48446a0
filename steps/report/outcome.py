"""How the run ended, in plain words: the one sentence on top of the page."""

import re
from dataclasses import dataclass

from steps.report.evidence import Evidence
from steps.report.figures import count, percent
from steps.report.records import Record
from steps.report.submission import FailedNode

EXPLAINED = {
    137: "The step was killed, most often for lack of memory: give it a larger size in config/site.yaml, or a smaller batch.",
    143: "The step was stopped from outside: run it again to go on.",
    75: "Another try may help: run it again.",
}
_CHILD = re.compile(r"^child '|^No more retries left$|^retryStrategy\.expression evaluated to false$")
_EXIT_CODE = re.compile(r"exit code:? (\d+)")
_THIS_MACHINE = "unschedulable on this machine: "
"""A local run starts with this what it says of a pod that the machine can never run."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a run failed.

    Attributes:
        step: Step that failed; empty where that is not known.
        node: Node of the workflow that ran it, or an empty text.
        message: What was wrong.
        hint: What to do, or an empty text.
        exit_code: Of the step, where known.
    """

    step: str
    node: str
    message: str
    hint: str
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the page says first.

    Attributes:
        good: Whether the run succeeded.
        headline: One short sentence.
        explanation: One or two more.
        reason: Why it failed, or None.
        model: Name of the model.
        version: Version published, or None.
    """

    good: bool
    headline: str
    explanation: str
    reason: Reason | None
    model: str
    version: int | None


def judge(evidence: Evidence) -> Outcome:
    """Say how the run ended."""
    model = evidence.published.text("name") or evidence.parameters.get("model-name", "") or "the model"
    version = evidence.published.whole("version")
    if not evidence.succeeded:
        reason = _reason(evidence)
        headline = f"{reason.step.capitalize()} failed" if reason.step else "The run failed"
        return Outcome(False, headline, _kept(evidence, model, version), reason, model, version)
    if version is not None and evidence.answer:
        headline = f"Version {version} of {model} is published and answers"
    elif version is not None:
        headline = f"Version {version} of {model} is published"
    elif evidence.metrics:
        headline = "The model is trained and scored, but not published"
    else:
        headline = "The run succeeded"
    return Outcome(True, headline, _scored(evidence), None, model, version)


def _scored(evidence: Evidence) -> str:
    metrics = evidence.metrics
    map50, images, recall = metrics.share("map50"), metrics.whole("images"), metrics.share("recall")
    if map50 is None:
        return "" if metrics else "It left no scores to show."
    unseen = f"{count(images)} images it had never seen" if images else "images it had never seen"
    text = f"On {unseen}, the exported model scores mAP50 {map50:.3f}."
    precision = metrics.share("precision")
    if recall is not None and precision is not None:
        text += f" It finds {percent(recall)} of the objects, and {percent(precision)} of the boxes it draws are right."
    return text


def _kept(evidence: Evidence, model: str, version: int | None) -> str:
    if version is not None:
        return f"Version {version} of {model} had been published by then; it stays in the registry."
    if evidence.records:
        done = [record.name for record in evidence.records if record.exit_code == 0]
        return f"Finished before: {', '.join(done)}." if done else "No step had finished before."
    return ""


def _reason(evidence: Evidence) -> Reason:
    """Choose the failure that ended the run, the last one, and a step's own words before the engine's.

    Earlier ones did not end it: a probe that finds no GPU, say, may fail. Nodes that only hold others, of which the
    engine tells too, have no message of their own.
    """
    failed = {key: record for record in evidence.records if record.failed for key in (record.name, record.step)}
    leaves = [node for node in evidence.failures if node.message and not _CHILD.search(node.message)]
    if leaves:
        # Times are whole seconds: of several at once, a step that told why is blamed.
        node = max(leaves, key=lambda node: (node.finished, node.step in failed))
        record = failed.get(node.step)
        if record and record.message:
            return _of_record(record, node.name)
        return _of_probe(node, evidence) if node.step == "probe" else _of_node(node)
    if failed:
        return _of_record(list(failed.values())[-1], "")
    return Reason("", "", f"The run ended with status {evidence.status or 'unknown'}, and no step told why.", "", None)


def _of_record(record: Record, node: str) -> Reason:
    message = record.message or f"It ended with exit code {record.exit_code}."
    return Reason(record.step, node, message, record.hint or EXPLAINED.get(record.exit_code or 0, ""), record.exit_code)


def _of_probe(node: FailedNode, evidence: Evidence) -> Reason:
    """Say what it means that the probe's pod never ran; the engine's own words are of deadlines or scheduling."""
    here = node.message.partition(_THIS_MACHINE)[2]
    if here:
        message = f"This machine has no GPU to train on ({here})."
        return Reason(
            "probe", node.name, message, "Choose device=cpu, or device=auto, which takes what there is.", None
        )
    waited = evidence.parameters.get("gpu-timeout", "")
    return Reason(
        "probe",
        node.name,
        f"No node with a GPU could be had within gpu-timeout={waited} ({node.message}).",
        "Raise gpu-timeout if one has to be started first, or choose device=auto, which then trains on the CPU.",
        None,
    )


def _of_node(node: FailedNode) -> Reason:
    found = _EXIT_CODE.search(node.message)
    code = int(found[1]) if found else None
    return Reason(node.step or node.name, node.name, node.message, EXPLAINED.get(code or 0, ""), code)
