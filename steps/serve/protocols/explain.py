"""KServe's V1 `:explain`: which parts of a picture a box hangs on."""

import base64
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from steps.detection import draw
from steps.serve.answer import Corners, Metadata, Result, results_of
from steps.serve.limits import Limits
from steps.serve.options import Detection, parse_options
from steps.serve.picture import PictureSet, encode
from steps.serve.problem import Problem
from steps.serve.protocols.predict import PICTURE_ANSWERS
from steps.serve.protocols.request import REFUSALS, InPieces, request_id, wanted_encoding
from steps.serve.protocols.v1 import document, metadata, read_question
from steps.serve.saliency import Saliency, explain, paint, runs_of
from steps.serve.service import Picture, Prediction, Service
from steps.serve.studio import Studio
from steps.serve.upload import Intake

GRID = 9

_ANSWERS: dict[int | str, dict[str, Any]] = {200: {"content": PICTURE_ANSWERS}}


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ExplainOptions(Detection):
    """Which box to explain, and how finely."""

    box: int = Field(default=0, ge=0, le=999)
    """Which box of each picture; 0 is the strongest."""

    grid: int = Field(default=GRID, ge=3, le=64)
    """Rows and columns of the map; the network runs (grid − 1)² times."""


class Explanation(_Document):
    """What a box hangs on."""

    result: Result | None = None
    """The box; absent where the picture has none of that rank."""

    region: Corners | None = None
    """The part of the picture that was looked at."""

    saliency: list[list[float]] = []
    """Share of the score that is lost where a cell of the region is hidden, rows from the top, in 0..1."""

    picture: str = ""
    """The picture with the map and the box drawn, JPEG in base64."""


class Explanations(_Document):
    """What `:explain` answers."""

    explanations: tuple[Explanation, ...]
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class _Finding:
    picture: Picture
    prediction: Prediction
    box: int
    saliency: Saliency | None

    def painted(self) -> Picture:
        if self.saliency is None:
            return self.picture
        box = self.prediction.detections.pick(np.array([self.box]))
        return draw(paint(self.picture, self.saliency), box, self.prediction.classes)

    def spelled(self) -> Explanation:
        if self.saliency is None:
            return Explanation()
        sides = zip(("x1", "y1", "x2", "y2"), self.saliency.region, strict=True)
        return Explanation(
            result=results_of(self.prediction)[self.box],
            region=Corners(**dict(sides)),
            saliency=[[round(value, 3) for value in row] for row in self.saliency.cells.tolist()],
            picture=base64.b64encode(encode(self.painted())).decode(),
        )


def routes(service: Service, limits: Limits, intake: Intake, studio: Studio) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/v1", tags=["KServe V1"])

    @router.post(
        "/models/{name}:explain",
        response_model=Explanations,
        responses=_ANSWERS | REFUSALS,
        openapi_extra=document(ExplainOptions),
    )
    async def explain_(request: Request, name: str) -> Response:
        """Tell which parts of the picture a box hangs on, by hiding them one after the other.

        `Accept: image/jpeg` (or PNG, WebP) answers one picture's explanation as a picture.
        """
        question, contents = await read_question(request, intake, limits)
        options = parse_options(ExplainOptions, question.parameters)
        encoding = wanted_encoding(request)
        _check_cost(len(contents), options, limits, as_picture=encoding is not None)
        async with studio.place():
            findings = await find(contents, name, options, request_id(request))
            if encoding:
                painted = await run_in_threadpool(lambda: encode(findings[0].painted(), encoding))
                return send(request, painted, f"image/{encoding}", findings[0].prediction)
            spelled = await run_in_threadpool(_spell, findings)
            return send(request, spelled, "application/json", findings[0].prediction)

    def send(request: Request, content: bytes, media_type: str, prediction: Prediction) -> Response:
        studio.holdings.hold(request, len(content))
        return InPieces(content, media_type, prediction, timeout_s=limits.body_timeout_s)

    async def find(contents: list[bytes], name: str, options: ExplainOptions, identity: str) -> list[_Finding]:
        pictures = PictureSet(contents, limits)
        pictures.keep()
        until = time.monotonic() + limits.deadline_s
        findings = []
        predictions = await service.predict(pictures.sources(), options.query(service, name, identity))
        for at, prediction in enumerate(predictions):
            picture, saliency = pictures.decode(at), None
            if options.box < len(prediction.detections):
                saliency = await explain(service, picture, prediction, options.box, grid=options.grid, until=until)
            findings.append(_Finding(picture, prediction, options.box, saliency))
        return findings

    return router


def _spell(findings: list[_Finding]) -> bytes:
    explanations = tuple(finding.spelled() for finding in findings)
    return Explanations(explanations=explanations, metadata=metadata(findings[0].prediction)).model_dump_json().encode()


def _check_cost(pictures: int, options: ExplainOptions, limits: Limits, *, as_picture: bool) -> None:
    if as_picture and pictures > 1:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"{pictures} pictures as one", hint="ask for JSON, or send one picture"
        )
    runs = pictures * runs_of(options.grid)
    if runs > limits.explain_masks:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"grid: {options.grid} for {pictures} pictures takes {runs} network runs",
            hint=f"at most {limits.explain_masks} are allowed: send fewer pictures, or a smaller grid",
        )
