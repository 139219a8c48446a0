"""The machine that stands in for the cluster's nodes: its labels, its GPUs, and who has them now."""

import fcntl
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
LOOK_S = 10
"""Seconds that nvidia-smi may take."""


@dataclass(slots=True)
class Loan:
    """Something that one node at a time has, over all runs on this machine: it ends with `release` or the process."""

    name: str
    descriptor: int

    def release(self) -> None:
        """Give it back."""
        os.close(self.descriptor)


@dataclass(frozen=True, slots=True)
class GpuNode:
    """What manifests call a node that has GPUs: the resource that a GPU is, and labels beside those that every node has."""

    resource: str = "nvidia.com/gpu"
    labels: Mapping[str, str] = field(default_factory=dict)


class Machine:
    """What this machine offers, and what of it is lent out.

    Args:
        locks: Folder that all runs of a home share.
        gpu_node: What this machine is taken for if it has a GPU.
    """

    def __init__(self, locks: Path, gpu_node: GpuNode | None = None) -> None:
        self._locks = locks
        self._gpu_node = gpu_node or GpuNode()

    @cached_property
    def gpus(self) -> list[str]:
        """Indices of the GPUs; `CUDA_VISIBLE_DEVICES` limits them."""
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        found = _count_gpus()
        if visible is None:
            return [str(index) for index in range(found)]
        return [one.strip() for one in visible.split(",") if one.strip() not in {"", "-1"}] if found else []

    @cached_property
    def labels(self) -> dict[str, str]:
        """Labels that node selectors are matched against."""
        machine = platform.machine().lower()
        labels = {
            "kubernetes.io/os": platform.system().lower(),
            "kubernetes.io/arch": ARCHITECTURES.get(machine, machine),
            "kubernetes.io/hostname": platform.node(),
        }
        return {**self._gpu_node.labels, **labels} if self.gpus else labels

    def gpus_of(self, devices: Mapping[str, int]) -> int:
        """Return how many of the `devices` that a pod asks for are GPUs."""
        return devices.get(self._gpu_node.resource, 0)

    def misfit(self, selector: Mapping[str, str], devices: Mapping[str, int]) -> str:
        """Return why a pod with these demands can never be scheduled here; nothing if it can."""
        if not selector and not devices:
            return ""  # without looking for GPUs
        lacking = [f"{name}={value}" for name, value in selector.items() if self.labels.get(name) != value]
        reasons = [f"it has no label {label}" for label in lacking]
        for name, wanted in devices.items():
            found = len(self.gpus) if name == self._gpu_node.resource else 0
            if wanted > found:
                reasons.append(f"{wanted} {name} wanted, it has {found}")
        return f"unschedulable on this machine: {', '.join(reasons)}" if reasons else ""

    def lend_gpus(self, wanted: int) -> list[Loan] | None:
        """Return `wanted` GPUs, named by index, or None while too few are free."""
        loans: list[Loan] = []
        for index in self.gpus:
            if len(loans) == wanted:
                break
            loan = self.lend(f"gpu-{index}", index)
            if loan:
                loans.append(loan)
        if len(loans) == wanted:
            return loans
        for loan in loans:
            loan.release()
        return None

    def lend(self, lock: str, name: str = "") -> Loan | None:
        """Return the lock, or None while another node has it. The system gives it back if this process dies."""
        self._locks.mkdir(parents=True, exist_ok=True)
        file = self._locks / re.sub(r"[^\w.-]", lambda found: f"%{ord(found[0]):02x}", lock)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return Loan(name or lock, descriptor)


def _count_gpus() -> int:
    program = shutil.which("nvidia-smi")
    if program:
        try:
            found = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=LOOK_S, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return 0
        if found.returncode == 0:
            return sum(line.startswith("GPU ") for line in found.stdout.splitlines())
    return len([path for path in Path("/dev").glob("nvidia[0-9]*") if path.name[6:].isdecimal()])
