"""What is refused on the way to a cluster, each with what was found and a hint.

ClusterError
+-- UnreachableError   no configuration of a cluster, or none that answers
+-- ForbiddenError     the cluster does not let this user do it
+-- MissingError       no object, or no kind, of that name
+-- ConflictError      it is there already, changed in the meantime, or has a field that someone else manages
"""


class ClusterError(Exception):
    """A refusal that a person can act on: `message` says what was found, `hint` what to do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class UnreachableError(ClusterError):
    """There is no configuration of a cluster, or the cluster that it names does not answer."""


class ForbiddenError(ClusterError):
    """The cluster does not know this user, or does not let it do that."""


class MissingError(ClusterError, LookupError):
    """The cluster has no object, or no kind, of that name."""


class ConflictError(ClusterError):
    """The object is there already, changed in the meantime, or a field of it is managed by someone else."""
