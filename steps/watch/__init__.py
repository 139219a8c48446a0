"""The `watch` step."""
