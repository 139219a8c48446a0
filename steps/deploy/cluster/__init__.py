"""A version on Kubernetes: what it is made of, how it gets there, and what happens when it does not answer."""
