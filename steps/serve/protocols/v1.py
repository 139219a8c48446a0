"""KServe's V1: `:predict`, and what it says of its models."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from steps.serve.answer import EXAMPLE, ImageAnswer, Metadata, image_answer
from steps.serve.limits import Limits
from steps.serve.options import Detection, parse_options, schemas
from steps.serve.picture import PictureSet, from_base64
from steps.serve.problem import Problem
from steps.serve.protocols.request import REFUSALS, SAMPLE, answer_headers, refusals, request_id
from steps.serve.service import Prediction, Service
from steps.serve.upload import Intake, check_batch, parse_json

HINT = 'send {"instances": [{"image": {"b64": "BASE64"}}]}'

_PREDICTIONS = {"predictions": EXAMPLE["images"], "metadata": EXAMPLE["metadata"]}
_ANSWERS: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"example": _PREDICTIONS}}}}


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Question(_Document):
    """What `:predict` and `:explain` take."""

    instances: list[Any] = Field(min_length=1)
    """Pictures: `{"image": {"b64": "BASE64"}}`, `{"b64": "BASE64"}` or the base64 text itself."""

    parameters: dict[str, Any] = {}
    """Options of `/predict`."""


class Predictions(_Document):
    """What `:predict` answers."""

    predictions: tuple[ImageAnswer, ...]
    metadata: Metadata


class ModelNames(_Document):
    """The models."""

    models: list[str]


class ModelStatus(_Document):
    """Readiness of a model."""

    name: str
    ready: bool


def document(options: type[Detection]) -> dict[str, Any]:
    """Return the OpenAPI description of a question with `options` as its parameters."""
    text = {"type": "string", "format": "byte"}
    wrapped = {"type": "object", "required": ["b64"], "properties": {"b64": text}, "additionalProperties": False}
    image = {"type": "object", "required": ["image"], "properties": {"image": wrapped}, "additionalProperties": False}
    schema = {
        "type": "object",
        "required": ["instances"],
        "properties": {
            "instances": {"type": "array", "minItems": 1, "items": {"oneOf": [image, wrapped, text]}},
            "parameters": {"type": "object", "properties": schemas(options), "additionalProperties": False},
        },
        "additionalProperties": False,
    }
    example = {"instances": [{"image": {"b64": SAMPLE}}], "parameters": {"conf": 0.4}}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}


def routes(service: Service, limits: Limits, intake: Intake) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/v1", tags=["KServe V1"])

    @router.get("/models", responses=refusals(401))
    async def names() -> ModelNames:
        """Name the models."""
        return ModelNames(models=service.models())

    @router.get("/models/{name}", responses=refusals(401, 404, 422, 503))
    async def status(name: str) -> ModelStatus:
        """Tell that a model has a version loaded."""
        service.describe(name)
        return ModelStatus(name=name, ready=True)

    @router.post(
        "/models/{name}:predict",
        response_model=Predictions,
        responses=_ANSWERS | REFUSALS,
        openapi_extra=document(Detection),
    )
    async def predict(request: Request, name: str) -> Response:
        """Find objects on the pictures of one request."""
        question, contents = await read_question(request, intake, limits)
        options = parse_options(Detection, question.parameters)
        query = options.query(service, name, request_id(request))
        predictions = await service.predict(PictureSet(contents, limits).sources(), query)
        answer = Predictions(predictions=tuple(map(image_answer, predictions)), metadata=metadata(predictions[0]))
        return respond(answer, predictions[0])

    return router


async def read_question(request: Request, intake: Intake, limits: Limits) -> tuple[Question, list[bytes]]:
    """Return the question and the pictures that it holds.

    Raises:
        Problem: If it is no question, or holds too many pictures.
    """
    question = parse_options(Question, parse_json(await intake.read_bytes(request)))
    check_batch(len(question.instances), limits)
    return question, [_content(instance, at) for at, instance in enumerate(question.instances)]


def _content(instance: Any, at: int) -> bytes:
    where = f"instances[{at}]"
    value = instance
    for name in ("image", "b64"):
        if isinstance(value, dict) and value.keys() == {name}:
            value = value[name]
    if not isinstance(value, str):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where} is no picture: {str(value)[:80]}", hint=HINT)
    content = from_base64(value, where)
    if not content:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where} is empty", hint=HINT)
    return content


def metadata(prediction: Prediction) -> Metadata:
    """Say which version answered."""
    return Metadata(model=prediction.model, version=prediction.version)


def respond(answer: BaseModel, prediction: Prediction) -> Response:
    """Return `answer` as JSON."""
    return Response(answer.model_dump_json(), media_type="application/json", headers=answer_headers(prediction))
