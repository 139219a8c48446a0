"""The `resize` step."""
