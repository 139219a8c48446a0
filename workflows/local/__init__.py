"""The embedded engine: runs a rendered manifest in processes."""
