"""Templates: the subset of Argo's that processes can run."""

from typing import Any, ClassVar, Literal

from pydantic import Field, RootModel, model_validator

from workflows.local.strict import AnyString, Strict
from workflows.local.values import Arguments, Outputs

Kind = Literal["container", "script", "dag", "steps", "resource"]
DISPLAY_NAME = "workflows.argoproj.io/display-name"


class KeyRef(Strict):
    """A key of a Secret. A process takes it from the host's variable of the same name."""

    name: str = ""
    key: str
    optional: bool = False


class EnvSource(Strict):
    """Where a variable comes from, other than a value."""

    secret_key_ref: KeyRef


class EnvVar(Strict):
    """A variable of the process."""

    name: str
    value: AnyString = ""
    value_from: EnvSource | None = None


class SecretRef(Strict):
    """A whole Secret as variables. Processes have the host's variables anyway."""

    name: str = ""
    optional: bool = False


class EnvFrom(Strict):
    """Variables taken from a Secret."""

    secret_ref: SecretRef


class VolumeMount(Strict):
    """Where a volume is seen."""

    ignored: ClassVar[frozenset[str]] = frozenset({"readOnly"})

    name: str
    mount_path: str


class EmptyDir(Strict):
    """A folder that lives as long as the pod; in a process, a folder of the node."""

    ignored: ClassVar[frozenset[str]] = frozenset({"sizeLimit"})

    medium: Literal["", "Memory"] = ""


class Volume(Strict):
    """A volume. Only emptyDir means the same on a laptop."""

    name: str
    empty_dir: EmptyDir


class Resources(Strict):
    """What a pod asks for; of it, a process heeds devices, such as GPUs."""

    ignored: ClassVar[frozenset[str]] = frozenset({"requests"})

    limits: dict[str, AnyString] = Field(default_factory=dict)


class Container(Strict):
    """A command and what it sees."""

    ignored: ClassVar[frozenset[str]] = frozenset(
        {"image", "imagePullPolicy", "name", "ports", "securityContext", "terminationMessagePath"}
    )

    command: list[str] = Field(min_length=1)
    args: list[AnyString] = Field(default_factory=list)
    env: list[EnvVar] = Field(default_factory=list)
    env_from: list[EnvFrom] = Field(default_factory=list)
    resources: Resources = Resources()
    volume_mounts: list[VolumeMount] = Field(default_factory=list)
    working_dir: str | None = None


class Script(Container):
    """A command that is given a file with `source`."""

    source: str


class Resource(Strict):
    """A Kubernetes object to create; locally it is recorded, not made."""

    ignored: ClassVar[frozenset[str]] = frozenset(
        {"successCondition", "failureCondition", "setOwnerReference", "flags", "mergeStrategy"}
    )

    action: str
    manifest: str


class Backoff(Strict):
    """How long to wait before another try: duration · factor^n."""

    duration: AnyString = "0"
    factor: AnyString | None = None
    max_duration: AnyString | None = None
    cap: AnyString | None = None


class RetryStrategy(Strict):
    """When to try again."""

    ignored: ClassVar[frozenset[str]] = frozenset({"affinity"})

    limit: AnyString | None = None
    expression: str | None = None
    retry_policy: Literal["Always", "OnFailure", "OnError"] | None = None
    backoff: Backoff | None = None


class Mutex(Strict):
    """A lock that one node at a time holds, over all runs of this home."""

    name: str
    namespace: str = ""


class Synchronization(Strict):
    """The locks to hold while running."""

    mutexes: list[Mutex] = Field(default_factory=list)


class ContinueOn(Strict):
    """Which ends of a task count as good enough for what depends on it."""

    failed: bool = False
    error: bool = False


class Task(Strict):
    """A call of a template, from a DAG or from steps."""

    name: str
    template: str
    arguments: Arguments = Arguments()
    when: str = ""
    depends: str = ""
    dependencies: list[str] = Field(default_factory=list)
    continue_on: ContinueOn | None = None
    with_items: list[Any] | None = None
    with_param: AnyString | None = None

    @property
    def expands(self) -> bool:
        """Whether the task stands for several."""
        return bool(self.with_items) or bool(self.with_param)


class DAG(Strict):
    """Tasks in the order that their dependencies ask for."""

    tasks: list[Task]
    target: str = ""
    fail_fast: bool = True


class StepGroup(RootModel[list[Task]]):
    """Steps that run side by side."""


class Annotations(Strict):
    """What is noted on a template; only the name under which its nodes are shown matters to a run."""

    display_name: AnyString = Field(default="", alias=DISPLAY_NAME)

    @model_validator(mode="before")
    @classmethod
    def _only_the_name(cls, data: Any) -> Any:
        return {key: value for key, value in data.items() if key == DISPLAY_NAME} if isinstance(data, dict) else data


class Template(Strict):
    """One template; exactly one of container, script, dag, steps and resource says what it does."""

    ignored: ClassVar[frozenset[str]] = frozenset(
        {
            "affinity", "automountServiceAccountToken", "executor", "hostAliases", "metadata",
            "metrics", "priorityClassName", "schedulerName", "securityContext", "serviceAccountName", "tolerations",
        }
    )  # fmt: skip

    name: str
    annotations: Annotations = Annotations()
    inputs: Arguments = Arguments()
    outputs: Outputs = Outputs()
    container: Container | None = None
    script: Script | None = None
    dag: DAG | None = None
    steps: list[StepGroup] | None = None
    resource: Resource | None = None
    volumes: list[Volume] = Field(default_factory=list)
    node_selector: dict[str, str] = Field(default_factory=dict)
    retry_strategy: RetryStrategy | None = None
    synchronization: Synchronization = Synchronization()
    parallelism: int | None = Field(default=None, ge=1)
    active_deadline_seconds: AnyString | None = None
    timeout: str = ""
    pending_timeout: str = ""

    @model_validator(mode="after")
    def _one_kind(self) -> "Template":
        found = [
            name for name in ("container", "script", "dag", "steps", "resource") if getattr(self, name) is not None
        ]
        if len(found) != 1:
            raise ValueError(f"should be one of container, script, dag, steps and resource, not {found or 'none'}")
        return self

    @property
    def kind(self) -> Kind:
        """What the template does."""
        kinds: tuple[Kind, ...] = ("container", "script", "dag", "steps", "resource")
        return next(kind for kind in kinds if getattr(self, kind) is not None)

    @property
    def process(self) -> Container | None:
        """The container or script, where it is one."""
        return self.container or self.script

    @property
    def tasks(self) -> list[Task]:
        """The calls that a DAG or steps make."""
        return self.dag.tasks if self.dag else [task for group in self.steps or [] for task in group.root]

    @property
    def devices(self) -> dict[str, int]:
        """How many of each kind of device are asked for; their names have a domain, such as nvidia.com/gpu."""
        limits = self.process.resources.limits if self.process else {}
        return {name: int(count) for name, count in limits.items() if "/" in name and int(count)}
