"""The `ingest` step."""
