"""The `export` step."""
