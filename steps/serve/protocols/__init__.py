"""The ways to ask: one module a protocol, each a thin translation to and from the `Service`."""
