"""What is refused on the way to a cluster, each with what was found and a hint.

ClusterError
+-- UnreachableError   no configuration of a cluster, or none that answers
+-- ForbiddenError     the cluster does not let this user do it
+-- MissingError       no object, or no kind, of that name
+-- ConflictError      it is there already, changed in the meantime, or has a field that someone else manages
"""

from workflows.refusal import Refusal


class ClusterError(Refusal):
    """It is refused on the way to a cluster: `message` says what was found, `hint` what to do."""


class UnreachableError(ClusterError):
    """There is no configuration of a cluster, or the cluster that it names does not answer."""


class ForbiddenError(ClusterError):
    """The cluster does not know this user, or does not let it do that."""


class MissingError(ClusterError, LookupError):
    """The cluster has no object, or no kind, of that name."""


class ConflictError(ClusterError):
    """The object is there already, changed in the meantime, or a field of it is managed by someone else."""
