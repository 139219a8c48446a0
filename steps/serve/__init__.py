"""The `serve` step."""
