"""What all arms answer, spelled alike. Light: the peers import it in an environment of their own."""

from steps.detection import Detections

NAME = "bench"
"""Of the model."""

CLASSES = tuple(f"class-{number}" for number in range(80))


def rows(found: Detections) -> list[dict[str, object]]:
    """Spell boxes: class, name, confidence, xyxy."""
    labels, scores, boxes = found.labels.tolist(), found.scores.tolist(), found.xyxy.tolist()
    return [
        {
            "class": label,
            "name": CLASSES[label],
            "confidence": round(score, 5),
            "box": [round(side, 2) for side in xyxy],
        }
        for label, score, xyxy in zip(labels, scores, boxes, strict=True)
    ]
