"""The processes of one run: started in folders of their own, with the locks and GPUs that they hold."""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue

from workflows.local.home import Home
from workflows.local.machine import GpuNode, Loan, Machine
from workflows.local.manifest import Manifest
from workflows.local.mounts import mount_folders
from workflows.local.node import Node, Phase
from workflows.local.pod import PROGRESS, Ended, Order, Pod, Started
from workflows.local.process import GRACE_S
from workflows.local.repository import Repository
from workflows.local.run import Run
from workflows.local.template import Template

LONGEST_FOLDER = 100
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


class Pods:
    """Runs processes for the scheduler. What they report waits in `events`."""

    def __init__(
        self, home: Home, run: Run, manifest: Manifest, *, kept: dict[str, Node], gpu_node: GpuNode | None = None
    ) -> None:
        self.machine = Machine(home.locks, gpu_node)
        self.events: SimpleQueue[Started | Ended] = SimpleQueue()
        self._home = home
        self._run = run
        self._spec = manifest.spec
        self._repository = Repository(home.root)
        self._kept = kept
        self._nodes_folder = home.runs / run.name / "nodes"
        self._running: dict[str, Pod] = {}
        self._tidying: list[Pod] = []
        self._gpus: dict[str, list[Loan]] = {}
        self._locks: dict[str, list[Loan]] = {}

    def folder(self, name: str) -> Path:
        """Return the folder of the node called `name`: readable, and its own."""
        short = name.removeprefix(self._run.name).lstrip(".") or "main"
        folder = re.sub(r"[^\w.-]", "-", short)[:LONGEST_FOLDER]
        if folder != short:
            folder += f"-{hashlib.sha256(short.encode()).hexdigest()[:6]}"
        return self._nodes_folder / folder

    def recall(self, node: Node) -> Node | None:
        """Return the success of an earlier try with the same folder and digest, if its content is still there."""
        kept = self._kept.get(node.folder)
        if not kept or kept.digest != node.digest:
            return None
        objects = self._repository.objects
        whole = all(objects.has(one.digest or "", tree=bool(one.tree)) for one in kept.outputs.artifacts)
        return kept if whole else None

    def lock(self, holder: str, mutexes: Sequence[str]) -> str:
        """Take all `mutexes` for the node `holder`, if it has not got them; return why not, or nothing."""
        if holder in self._locks:
            return ""
        loans: list[Loan] = []
        for mutex in mutexes:
            loan = self.machine.lend(f"mutex-{mutex}")
            if not loan:
                for one in loans:
                    one.release()
                return f"waiting for the lock {mutex!r}"
            loans.append(loan)
        self._locks[holder] = loans
        return ""

    def unlock(self, holder: str) -> None:
        """Give back what `holder` holds."""
        for loan in self._locks.pop(holder, []):
            loan.release()

    def misfit(self, template: Template) -> str:
        """Return why no node made from `template` can ever run here; nothing if one can, now or when others have ended."""
        if not template.process:
            return ""
        return self.machine.misfit({**self._spec.node_selector, **template.node_selector}, template.devices)

    def admit(self, node: Node, template: Template, *, capture: bool) -> str:
        """Start the process of `node`; return why it cannot be scheduled now, or nothing."""
        environment = dict(self._environment)
        gpus = self.machine.gpus_of(template.devices)
        if gpus:
            loans = self.machine.lend_gpus(gpus)
            if loans is None:
                return "waiting for a GPU"
            self._gpus[node.name] = loans
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(loan.name for loan in loans)
        folder = self._nodes_folder / node.folder
        order = Order(
            node=node.name,
            template=template,
            folder=folder,
            mounts=tuple(mount_folders(template, self._spec.volumes, folder).values()),
            working_folder=Path(self._run.working_folder),
            environment=environment,
            default_key=f"runs/{self._run.name}/artifacts/{node.folder}",
            capture=capture,
        )
        pod = self._running[node.name] = Pod(order, self._repository, self.events.put)
        pod.start()
        return ""

    def stop(self, node: str, reason: str) -> None:
        """End the process of `node`; its end is reported like any other."""
        if node in self._running:
            self._running[node].stop(reason, GRACE_S)

    def kill(self) -> None:
        """End all processes at once."""
        for pod in self._running.values():
            pod.stop("killed", 0)

    def release(self, node: str) -> None:
        """Note that the process of `node` has ended."""
        self._tidying = [pod for pod in self._tidying if pod.busy]
        self._tidying.append(self._running.pop(node))
        for loan in self._gpus.pop(node, []):
            loan.release()

    def join(self) -> None:
        """Wait until all that ended has tidied up."""
        for pod in self._tidying:
            pod.join()

    def read_progress(self) -> None:
        """Note how far the running processes say they are: the last line counts, as for Argo, the one before says it in words."""
        for name in self._running:
            node = self._run.nodes[name]
            try:
                text = (self._nodes_folder / node.folder / PROGRESS).read_text(encoding="utf-8").strip()
            except (OSError, ValueError):
                continue
            *earlier, last = text.split("\n")
            if re.fullmatch(r"\d+/\d+", last.strip()) and node.phase is Phase.RUNNING:
                words = earlier[-1].strip() if earlier else ""
                node.progress, node.progress_words = last.strip(), "" if re.fullmatch(r"\d+/\d+", words) else words

    @property
    def _environment(self) -> dict[str, str]:
        """Variables of every process. As on a cluster, one that asks for no GPU sees none."""
        endpoint = (
            {} if any(os.environ.get(name) for name in ENDPOINTS) else {ENDPOINTS[0]: self._home.buckets.as_uri()}
        )
        return {"CUDA_VISIBLE_DEVICES": "", **endpoint}
