"""The `report` step."""
