"""What to do next, as commands to copy."""

import shlex
from dataclasses import dataclass

from steps.report.evidence import Evidence
from steps.report.outcome import Outcome
from steps.report.redaction import REMOVED, redact
from steps.store.address import ENDPOINT_VARIABLES, configured_endpoint


@dataclass(frozen=True, slots=True)
class Command:
    """A command with what it is for."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CommandsView:
    """What the template `commands.html` shows."""

    commands: tuple[Command, ...]


def build_commands(evidence: Evidence, outcome: Outcome) -> CommandsView:
    """Suggest what fits the outcome."""
    run = shlex.quote(evidence.run)
    commands = []
    if outcome.reason:
        node = f" {shlex.quote(outcome.reason.node)}" if outcome.reason.node else ""
        commands = [
            Command("Read the log of the step that failed", (f"argosight logs {run}{node}",)),
            Command("Go on where it stopped, once the cause is mended", (f"argosight retry {run}",)),
            Command("The same on a cluster", (f"argosight logs {run}{node} --cluster", f"argo retry {run}")),
        ]
    elif outcome.version is not None:
        commands = [Command("Serve this version", _serve(evidence, outcome)), Command("Ask it", (_ask(),))]
    again = Command("Train again, for longer", (_train(evidence),))
    return CommandsView((*commands, again) if not outcome.reason else tuple(commands))


def _serve(evidence: Evidence, outcome: Outcome) -> tuple[str, ...]:
    url = evidence.published.text("url")
    registry = evidence.parameters.get("registry") or url.removesuffix(f"/{outcome.model}/{outcome.version}")
    flags = (("registry", registry), ("model-name", outcome.model), ("version", str(outcome.version)), ("port", "8080"))
    words = ["python -m steps serve", *(f"--{name}={_value(value)}" for name, value in flags)]
    endpoint = configured_endpoint()
    if endpoint.startswith("file:"):  # buckets that are folders: only this variable tells where
        words.insert(0, f"{ENDPOINT_VARIABLES[0]}={_value(redact(endpoint))}")
    return (" ".join(words),)


def _ask() -> str:
    return "curl -F file=@picture.jpg http://127.0.0.1:8080/predict"


def _train(evidence: Evidence) -> str:
    source = evidence.parameters.get("source", "images.zip")
    epochs = evidence.training.whole("epochs_done") or 10
    flags = [("source", source), ("epochs", str(2 * epochs)), ("cpu-epochs", str(2 * epochs))]
    return " ".join(["argosight run train-detector", *(f"-p {name}={_value(value)}" for name, value in flags)])


def _value(text: str) -> str:
    """Quote a value for the shell; one that had to be hidden, or is not known, is left to the reader."""
    return "…" if REMOVED in text or not text else shlex.quote(text)
