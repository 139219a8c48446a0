"""A question in KServe's V2 protocol and its answer, whether they came over REST or gRPC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from steps.serve.limits import Limits
from steps.serve.options import Detection, parse_options
from steps.serve.problem import Problem
from steps.serve.protocols.tensors import Tensor, sources_of, tensors_of
from steps.serve.service import Prediction, Service

FOREIGN = frozenset({"binary_data_output", "sequence_id", "sequence_start", "sequence_end", "priority", "timeout"})
"""Parameters that the protocol's extensions know; none is about detection."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    model: str
    version: str
    request_id: str
    parameters: Mapping[str, Any]
    inputs: Sequence[Tensor]
    outputs: Sequence[str]


async def infer(service: Service, limits: Limits, question: Question) -> tuple[list[Tensor], Prediction]:
    """Return the output tensors, and the first picture's prediction for the model's name and version.

    Raises:
        Problem: If the question is wrong.
        ServiceError: If it is not answered.
    """
    check_version(service, question.model, question.version)
    own = {name: value for name, value in question.parameters.items() if name not in FOREIGN}
    options = parse_options(Detection, own)
    query = options.query(service, question.model, question.request_id)
    predictions = await service.predict(sources_of(question.inputs, limits), query)
    return tensors_of(predictions, question.outputs), predictions[0]


def check_version(service: Service, model: str, version: str) -> None:
    """Refuse a version that is not served; empty is any.

    Raises:
        Problem: 404.
        ServiceError: If there is no such model, or it is not ready.
    """
    served = service.describe(model).version
    if version and version != str(served):
        raise Problem(
            HTTPStatus.NOT_FOUND,
            f"version {version[:20]!r} of {model!r} is not served",
            hint=f"leave the version out, or ask for {served}",
        )
