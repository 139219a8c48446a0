"""The `publish` step."""
