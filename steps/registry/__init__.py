"""Versions, latest pointer, lineage."""
