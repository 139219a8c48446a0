"""One try of a node that is a process: inputs in, command, outputs out. What a pod is on a cluster."""

import json
import os
import shlex
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from workflows.local.collection import collect
from workflows.local.durations import now
from workflows.local.environment import declared_variables, expand
from workflows.local.errors import LocalError
from workflows.local.mounts import KEPT
from workflows.local.node import Phase
from workflows.local.process import NOT_FOUND, Process, birth_of, exists
from workflows.local.repository import Repository
from workflows.local.template import Container, Template
from workflows.local.values import Artifact, Outputs

LOG = "log.txt"
RECORD = "node.json"
PROGRESS = "progress"
SCRIPT = "script"
ALWAYS = {"PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}
"""Logs are live, and what lies in the folder where the run was submitted shadows no module."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to run: `template` has all tags replaced and mount paths rewritten."""

    node: str
    template: Template
    folder: Path
    mounts: tuple[Path, ...]
    """Folders that stand for emptyDir volumes."""
    working_folder: Path
    environment: Mapping[str, str]
    default_key: str
    """Where artifacts that name no key are shown."""
    capture: bool
    """Whether somebody reads its `outputs.result`."""


@dataclass(frozen=True, slots=True)
class Started:
    """The command runs."""

    node: str
    pid: int
    birth: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The try is over."""

    node: str
    phase: Phase
    message: str
    outputs: Outputs
    process_s: float = 0.0


Report = Callable[[Started | Ended], None]


@dataclass(slots=True)
class Pod:
    """A running order. `report` is called from its thread."""

    order: Order
    repository: Repository
    report: Report
    _process: Process | None = None
    _reason: str = ""
    _process_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _alias: "tempfile.TemporaryDirectory[str] | None" = None
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name=self.order.node, daemon=True)

    def start(self) -> None:
        """Run in a thread of its own."""
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether the pod runs or tidies up."""
        return self._thread.is_alive()

    def join(self) -> None:
        """Wait until the pod has ended and tidied up."""
        self._thread.join()

    def stop(self, reason: str, grace_s: float) -> None:
        """End the command, if it has not ended; the node is then Failed for `reason`."""
        with self._lock:
            first = not self._reason
            self._reason = self._reason or reason  # before the end, which may come at once
            if self._process and (first or grace_s == 0):
                self._process.stop(grace_s)

    def _run(self) -> None:
        try:
            ended = replace(self._attempt(), process_s=self._process_s)
            self.report(ended)
            if ended.phase is Phase.SUCCEEDED:  # nobody waits for this
                for mount in self.order.mounts:
                    shutil.rmtree(mount, ignore_errors=True)
        except (LocalError, OSError, ValueError) as error:
            self.report(Ended(self.order.node, Phase.ERROR, str(error), Outputs()))
        finally:
            if self._alias:
                self._alias.cleanup()

    def _attempt(self) -> Ended:
        template, name = self.order.template, self.order.node
        for mount in self.order.mounts:
            _empty(mount)
        self.order.folder.mkdir(parents=True, exist_ok=True)
        _write_record(self.order)
        process = template.process
        if process is None:
            return self._record_resource()
        for artifact in template.inputs.artifacts:
            self._load(artifact)
        command = self._command(process)
        if not exists(command[0]):
            with (self.order.folder / LOG).open("a") as file:
                file.write(f"no program {command[0]!r} on this machine's PATH\n")
            message = f"Error (exit code {NOT_FOUND}): no program {command[0]!r} on this machine's PATH"
            return Ended(name, Phase.FAILED, message, Outputs(exitCode=str(NOT_FOUND)))
        code, result = self._execute(process, command)
        found, faults = collect(template.outputs, self.repository, self.order.default_key, move=code == 0)
        told = {"exit_code": str(code), "result": result if self.order.capture else None}
        outputs = found.model_copy(update=told)
        if self._reason:
            return Ended(name, Phase.FAILED, self._reason, outputs)
        if code:
            return Ended(name, Phase.FAILED, f"Error (exit code {code})", outputs)
        if faults:
            return Ended(name, Phase.ERROR, "; ".join(faults), outputs)
        return Ended(name, Phase.SUCCEEDED, "", outputs)

    def _load(self, artifact: Artifact) -> None:
        if not artifact.path or not artifact.located:
            return
        try:
            self.repository.fetch(artifact, Path(artifact.path))
        except FileNotFoundError as error:
            if not artifact.optional:
                raise LocalError(f"failed to load artifact {artifact.name!r}: {error}") from None

    def _command(self, process: Container) -> list[str]:
        variables = declared_variables(process)
        words = [expand(word, variables) for word in [*process.command, *process.args]]
        script = self.order.template.script
        if not script:
            return words
        path = self.order.folder / SCRIPT
        path.write_text(script.source, encoding="utf-8")
        path.chmod(0o755)
        return [*words, str(self._plain(path))]

    def _plain(self, path: Path) -> Path:
        """Return a name for `path` that `sh -c`, which reads its word once more, does not take apart."""
        if shlex.quote(str(path)) == str(path):
            return path
        self._alias = tempfile.TemporaryDirectory(prefix="argosight-")
        alias = Path(self._alias.name) / SCRIPT
        alias.symlink_to(path)
        return alias

    def _execute(self, process: Container, command: list[str]) -> tuple[int, str]:
        log = self.order.folder / LOG
        if log.exists() and log.stat().st_size:
            with log.open("a") as file:
                file.write(f"── again, {now().astimezone():%Y-%m-%d %H:%M:%S} ──\n")
        progress = self.order.folder / PROGRESS
        progress.unlink(missing_ok=True)
        with self._lock:
            if self._reason:
                return 0, ""
            self._process = Process(
                command,
                environment={
                    **os.environ,
                    **ALWAYS,
                    **self.order.environment,
                    **declared_variables(process),
                    "ARGO_PROGRESS_FILE": str(progress),
                },
                folder=Path(process.working_dir) if process.working_dir else self.order.working_folder,
                log=log,
                capture=self.order.capture,
            )
        self.report(Started(self.order.node, self._process.pid, birth_of(self._process.pid)))
        began = time.perf_counter()
        code = self._process.wait()
        self._process_s = time.perf_counter() - began
        return code, self._process.result()

    def _record_resource(self) -> Ended:
        template = self.order.template
        action, manifest = (template.resource.action, template.resource.manifest) if template.resource else ("", "")
        (self.order.folder / "resource.yaml").write_text(manifest, encoding="utf-8")
        with (self.order.folder / LOG).open("a") as file:
            file.write(f"not run here: {action} of the object in resource.yaml\n")
        parameters = [
            one.model_copy(
                update={"value": one.value_from.default if one.value_from else one.value, "value_from": None}
            )
            for one in template.outputs.parameters
        ]
        return Ended(self.order.node, Phase.SUCCEEDED, "recorded, not run", Outputs(parameters=parameters))


def _empty(mount: Path) -> None:
    """Give a mount the state of a new pod's, but for what a step keeps from one try to the next."""
    mount.mkdir(parents=True, exist_ok=True)
    for entry in mount.iterdir():
        if entry.name == KEPT:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _write_record(order: Order) -> None:
    record = {"node": order.node, "template": json.loads(order.template.as_json())}
    (order.folder / RECORD).write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
