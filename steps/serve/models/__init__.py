"""Models in memory: where versions come from, how one is loaded, and how the next takes its place."""
