"""Nodes: what became of each template that was called. Names, types and phases are Argo's."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from workflows.local.durations import now
from workflows.local.values import Arguments, Outputs


class Phase(StrEnum):
    """How far a node is."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"
    SKIPPED = "Skipped"
    OMITTED = "Omitted"

    @property
    def completed(self) -> bool:
        """Whether the node ran to an end."""
        return self in {Phase.SUCCEEDED, Phase.FAILED, Phase.ERROR}

    @property
    def fulfilled(self) -> bool:
        """Whether nothing more will happen to the node."""
        return self.completed or self in {Phase.SKIPPED, Phase.OMITTED}

    @property
    def bad(self) -> bool:
        """Whether the node failed, by its own exit code or for want of what it needed."""
        return self in {Phase.FAILED, Phase.ERROR}


class NodeType(StrEnum):
    """What a node stands for."""

    POD = "Pod"
    DAG = "DAG"
    STEPS = "Steps"
    STEP_GROUP = "StepGroup"
    TASK_GROUP = "TaskGroup"
    RETRY = "Retry"
    SKIPPED = "Skipped"


class Node(BaseModel):
    """One node of a run. `name` is the path of calls that led to it, as in Argo's status."""

    model_config = ConfigDict(extra="forbid")

    name: str
    display_name: str
    type: NodeType
    phase: Phase
    template: str = ""
    boundary: str = ""
    """Name of the DAG or steps node that called it."""
    message: str = ""
    started: datetime = Field(default_factory=now)
    finished: datetime | None = None
    children: list[str] = Field(default_factory=list)
    """Names of the nodes that come next, as Argo links them."""
    outbound: list[str] = Field(default_factory=list)
    """Names of the nodes that a DAG or steps node ends with."""
    inputs: Arguments = Arguments()
    outputs: Outputs = Outputs()
    progress: str = ""
    """`N/M`, as the process itself counts."""
    progress_words: str = ""
    """The same in words, where the process says them."""
    folder: str = ""
    """Folder under `nodes/`, for a node that is a process."""
    digest: str = ""
    """Stands for command, inputs and outputs of a process: while it is the same, a success need not be repeated."""
    began: datetime | None = None
    """When the process was started."""
    process_s: float = 0.0
    """Seconds from the start of the process to its end."""
    reused: bool = False
    """Whether the success is that of an earlier try of the same run."""
    pid: int = 0
    birth: str = ""
    """When the process was started, as the system spells it: ids are used again."""

    @property
    def seconds(self) -> float:
        """How long the node took, or has been taking."""
        return ((self.finished or now()) - self.started).total_seconds()

    def finish(self, phase: Phase, message: str = "") -> None:
        """Mark the node as ended."""
        self.phase, self.message, self.pid = phase, message, 0
        self.finished = now()
