"""A Kubernetes cluster: connecting, applying manifests, installing (`bootstrap`) and checking (`doctor`)."""
