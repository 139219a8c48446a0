"""The differences between two runs of one manifest. What is allowed to differ is written here, with the reason."""

import json
import re

from tests.conformance.view import NodeView, RunView

TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z|\d+\.\d{6,}")
UIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
FAILURES = re.compile(r'"\[\{\\"displayName\\".*\}\]"')
TOO_LONG = "took too long"
TRIED_TOO_LONG = "was tried too long"
WORDINGS = (
    # Argo names the container of the pod, of which a process has none.
    (r"(?:main: )?Error \(exit code (\d+)\)(?:: .*)?", r"exit code \1"),
    # Argo tells how the operating system said it; a person wants to know which output.
    (r"wait: Error \(exit code 64\): (?:stat|open) .*: no such file or directory(?:; )?", "an output was not written"),
    (r"output (?:artifact|parameter) '.*' was not written", "an output was not written"),
    (r"init: Error \(exit code 64\): artifact (\S+) failed to load: .*", r"artifact \1 failed to load"),
    (r"failed to load artifact '(\S+)': .*", r"artifact \1 failed to load"),
    # Here the last failure is told too: the node of the tries is where people look first.
    (r"(No more retries left|retryStrategy\.expression evaluated to false)(?:; the last: .*|: .*)?", r"\1"),
    # Whether a pod ran already when its time was over depends on the cluster; here it is told why it did not run.
    (r"timeout(?:: .*)?|Pod was active on the node longer than the specified deadline", TOO_LONG),
    # Of a deadline of the whole, kubelet may hear before the controller does.
    (r"Step exceeded its deadline", TOO_LONG),
    # What no machine is there for is not waited for here.
    (r"unschedulable on this machine: .*", TOO_LONG),
    # Argo adds the time of day.
    (r"retry exceeded workflow deadline(?: .*)?", TRIED_TOO_LONG),
    # The parsers differ, and so do their words for what they stumbled over.
    (r"(Invalid 'when' expression) .*", r"\1"),
    (r"failed to resolve references: (Invalid 'when' expression) .*", r"\1"),
    (r"(withParam value could not be parsed as a JSON list): .*", r"\1"),
    # What a skipped or omitted node would have left.
    (r".*(?:is an absent optional|argument references an absent optional).*", "nothing there"),
    (r"(?:unable to resolve outputs from scope: )?(?:Unable|failed) to resolve:? .*", "nothing there"),
    (r"inputs\.parameters\.\S+ was not supplied", "nothing there"),
    (r".*failed to evaluate expression .*", "nothing there"),
    (r"unable to resolve outputs from scope: .*", "nothing there"),
    # Control characters.
    (r"cannot finish template replacement because the result was invalid JSON", "cannot be passed on"),
    (r"\{\{.*\}\} holds the control character .*", "cannot be passed on"),
    # Lists of results that are no JSON.
    (r".*invalid character '.' looking for beginning of value", "no JSON"),
    (r".*result .* of an expanded task is not JSON, and cannot be gathered", "no JSON"),
)
"""Messages that say the same in two ways: a pattern of either engine's, and what both are read as."""
PREFIXES = re.compile(r"(step group deemed errored due to child \S+ error: )(.*)", re.DOTALL)


def differences(argo: RunView, local: RunView) -> list[str]:
    """Return a line for each thing that differs."""
    found = _compare("run", "phase", argo.phase, local.phase)
    for name in sorted(argo.nodes.keys() | local.nodes.keys()):
        short = name.removeprefix(argo.name) or "(top)"
        if name not in local.nodes or name not in argo.nodes:
            node = argo.nodes.get(name) or local.nodes[name]
            found.append(f"{short}: only {'on Argo' if name in argo.nodes else 'here'}, {node.phase} {node.message}")
            continue
        theirs, ours = argo.nodes[name], local.nodes[name]
        for attribute in NodeView.model_fields:
            found += _compare(short, attribute, _normal(theirs, attribute), _normal(ours, attribute))
    return found


def normal_message(message: str) -> str:
    """Return what `message` says, in the words that stand for both engines."""
    outer = PREFIXES.fullmatch(message)
    if outer:
        return f"{outer[1]}{normal_message(outer[2])}"
    for pattern, meaning in WORDINGS:
        found = re.fullmatch(pattern, message, re.DOTALL)
        if found:
            return found.expand(meaning)
    return message


def _normal(node: NodeView, attribute: str) -> object:
    value = getattr(node, attribute)
    if attribute == "message":
        return normal_message(value)
    if attribute == "exit_code" and normal_message(node.message) in {TOO_LONG, TRIED_TOO_LONG}:
        return None  # there is one only if the process had started
    if isinstance(value, dict):
        return {key: _normal_text(one) for key, one in value.items()}
    return _normal_text(value) if isinstance(value, str) else value


def _normal_text(text: str) -> str:
    return UIDS.sub("UID", TIMES.sub("TIME", FAILURES.sub(_normal_failures, text)))


def _normal_failures(found: re.Match[str]) -> str:
    """Sort what `workflow.failures` lists, for Argo gives it in any order, and read its messages as above."""
    failures = json.loads(json.loads(found[0]))
    for one in failures:
        one["message"] = normal_message(one["message"])
    return json.dumps(sorted(failures, key=lambda one: (one["displayName"], one["templateName"])))


def _compare(where: str, what: str, argo: object, local: object) -> list[str]:
    return [] if argo == local else [f"{where}: {what} is {argo!r} on Argo, {local!r} here"]
