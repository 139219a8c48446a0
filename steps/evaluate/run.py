"""Run the exported model over a split, score what it finds, and show where it is right and wrong."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from steps.dataset import Dataset, Splits
from steps.detection import Detections
from steps.errors import DatasetError
from steps.evaluate.contract import EvaluateInputs, EvaluateOutputs
from steps.evaluate.examples import write_examples
from steps.evaluate.inference import TIMED, Inference, read_image
from steps.evaluate.metrics import Metrics
from steps.evaluate.scoring import choose_thresholds, score
from steps.evaluate.truth import LabelledImages, label_map
from steps.runtime import Defaults, ModelCard, file_digest, verify_files
from steps.runtime.card import CARD
from steps.runtime.golden import ANSWER, IMAGE, write_expected
from steps.workspace import Workspace


def evaluate(inputs: EvaluateInputs, work: Workspace) -> EvaluateOutputs:
    """Score the ONNX file of a model folder on one split.

    Raises:
        DatasetError: If the split has no labelled box, or a picture is damaged.
        ModelError: If the model is damaged, or knows other classes than the data set.
    """
    dataset, splits = Dataset.open(inputs.dataset), Splits.read(inputs.splits)
    classes = dataset.info.classes
    card = ModelCard.read(inputs.model)
    labels = label_map(card.classes, classes)
    images = LabelledImages.pick(dataset, splits.names(inputs.split))
    if not any(len(boxes) for boxes in images.boxes):
        raise DatasetError(
            f"the {inputs.split} split has no labelled box in its {len(images.names)} images: nothing to score",
            hint=f"give {inputs.split} a larger share, or bring more images",
        )
    chooses = not inputs.confidence and inputs.split != "valid"
    validation = LabelledImages.pick(dataset, splits.names("valid") if chooses else ())
    verify_files(inputs.model, card)

    inference = Inference(inputs.model, labels, iou=inputs.nms_iou, cores=inputs.workers)
    found, speed = inference.run_timed(images.paths[:TIMED])
    rest = (*images.paths[TIMED:], *validation.paths)
    found += work.progress.over(inference.run(rest), len(rest), "images scored")
    found, on_validation = found[: len(images.paths)], found[len(images.paths) :]
    if inputs.split == "valid":
        validation, on_validation = images, found
    defaults, threshold_from = _choose_defaults(inputs, validation, on_validation, classes)

    folder = work.out / "metrics"
    folder.mkdir()
    answers = list(inference.answers(images.paths, found, defaults))
    metrics = Metrics(
        **dict(score(images.boxes, found, answers, classes, defaults)),
        split=inputs.split,
        threshold_from=threshold_from,
        model=file_digest(inputs.model / CARD),
        speed_ms=speed,
        examples=write_examples(folder, images, answers, classes),
    )
    _write_predictions(folder / "predictions.jsonl", images.names, found, classes)
    if (inputs.model / IMAGE).is_file():
        answer = inference.answer(read_image(inputs.model / IMAGE), defaults)
        write_expected(answer, card.classes, folder / ANSWER)
    (folder / "metrics.json").write_text(metrics.model_dump_json(indent=1, by_alias=True) + "\n", encoding="utf-8")
    return EvaluateOutputs(
        metrics=folder, map50=metrics.map50, map50_95=metrics.map50_95, threshold=defaults.confidence
    )


def _choose_defaults(
    inputs: EvaluateInputs, validation: LabelledImages, found: Sequence[Detections], classes: Sequence[str]
) -> tuple[Defaults, Literal["given", "valid", "default"]]:
    """Return what the model is to be served with, and who chose its thresholds."""
    if inputs.confidence:
        return Defaults(confidence=inputs.confidence, iou=inputs.nms_iou), "given"
    best = choose_thresholds(validation.boxes, found, classes)
    if best is None:
        return Defaults(iou=inputs.nms_iou), "default"
    confidence, per_class = best
    return Defaults(confidence=confidence, per_class=per_class, iou=inputs.nms_iou), "valid"


def _write_predictions(path: Path, names: Sequence[str], found: Sequence[Detections], classes: Sequence[str]) -> None:
    """Write a line an image, with every box down to the weakest that was scored: they can be scored again."""
    with path.open("w", encoding="utf-8") as lines:
        for name, boxes in zip(names, found, strict=True):
            # Rounding in float64: a rounded float32 would be spelled with all its digits.
            columns = boxes.xyxy.astype(float).round(2), boxes.labels, boxes.scores.astype(float).round(5)
            rows = [
                {"xyxy": xyxy, "label": label, "name": classes[label], "score": value}
                for xyxy, label, value in zip(*(column.tolist() for column in columns), strict=True)
            ]
            lines.write(json.dumps({"image": name, "boxes": rows}, ensure_ascii=False) + "\n")
