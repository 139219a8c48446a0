"""Boxes, matching, non-maximum suppression, drawing."""

from steps.detection.boxes import Detections, area, iou_matrix, is_above
from steps.detection.drawing import class_color, draw
from steps.detection.matching import match
from steps.detection.suppression import non_max_suppression

__all__ = ["Detections", "area", "class_color", "draw", "iou_matrix", "is_above", "match", "non_max_suppression"]
