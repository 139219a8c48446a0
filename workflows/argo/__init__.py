"""Contract to Argo template: naming, wiring, lint of the rendered files."""
