"""The `probe` step."""
