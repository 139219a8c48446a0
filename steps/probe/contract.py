"""Contract of the `probe` step."""

from steps.contract import Model, Step


class ProbeInputs(Model):
    """Tell which GPU this node offers. That the step runs at all means that a GPU node could be had."""


class ProbeOutputs(Model):
    """What `probe` found."""

    gpu: str
    """Name and memory of the first GPU as its driver tells it; `unknown` where no driver tool answers."""


PROBE = Step(
    name="probe",
    image="core",
    inputs=ProbeInputs,
    outputs=ProbeOutputs,
    entry="steps.probe.run:probe",
    example="",
    size="gpu-probe",
)
