"""The `deploy` step."""
