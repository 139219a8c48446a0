"""The `argosight` command."""
