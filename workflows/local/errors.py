"""What the local engine refuses on purpose, each with the value found and a hint.

LocalError
+-- ManifestError     the manifest is wrong, or asks for what a local run does not offer
+-- SubmissionError   a parameter is unknown, missing or has a value that it must not have
+-- ExpressionError   an expression cannot be read, or fails on the values it meets
+-- RunLookupError    no run or node of that name, or one that cannot be gone on with
"""

from workflows.refusal import Refusal


class LocalError(Refusal):
    """The local engine refuses: `message` says what was found, `hint` what to do."""


class ManifestError(LocalError, ValueError):
    """The manifest is wrong, or asks for what a local run does not offer."""


class SubmissionError(LocalError, ValueError):
    """A parameter is unknown, missing or has a value that it must not have."""


class ExpressionError(LocalError, ValueError):
    """An expression cannot be read, or fails on the values it meets."""


class RunLookupError(LocalError, LookupError):
    """No run or node of that name, or one that cannot be gone on with."""
