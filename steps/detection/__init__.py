"""Boxes, matching, non-maximum suppression, drawing."""
