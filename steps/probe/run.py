"""Ask the GPU's driver what it is."""

import csv
import subprocess

from steps.probe.contract import ProbeInputs, ProbeOutputs
from steps.workspace import Workspace

UNKNOWN = "unknown"
TIMEOUT_S = 60
"""A driver that has to wake a GPU takes seconds; one that takes longer is broken."""


def probe(_inputs: ProbeInputs, _work: Workspace) -> ProbeOutputs:
    """Return name and memory of the first GPU. Never fails: a node without the driver's tool may still have a GPU."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        told = subprocess.run(query, capture_output=True, text=True, timeout=TIMEOUT_S, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ProbeOutputs(gpu=UNKNOWN)
    return ProbeOutputs(gpu=describe(told))


def describe(told: str) -> str:
    """Return the first row of `nvidia-smi`'s CSV as one text, `NVIDIA H100 80GB HBM3, 81559 MiB`."""
    row = next(csv.reader(told.splitlines(), skipinitialspace=True), [])
    return ", ".join(cell.strip() for cell in row if cell.strip()) or UNKNOWN
