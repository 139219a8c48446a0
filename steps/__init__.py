"""What runs in a pod, and just the same on a laptop. Knows nothing of Argo, Hera or `workflows`."""

__version__ = "0.1.0"
