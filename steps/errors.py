"""Every error a step raises on purpose. Anything else is a bug, and shows its traceback.

StepError
+-- InputError           exit 2: the input is wrong, running again cannot help
|   +-- ParameterError   a parameter has a value that it must not have
|   +-- DatasetError     the data set, or the archive it came in, is not what the contract promises
|   +-- ModelError       a model or checkpoint is missing, damaged or of an unknown kind
|   +-- RegistryError    the registry holds no such model or version, or refuses the change
+-- TemporaryError       exit 75 (EX_TEMPFAIL): the same call may succeed later
    +-- StoreUnavailableError the object store did not answer
"""


class StepError(Exception):
    """A refusal that a person can act on: `message` says what was found, `hint` what to do."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}"


class InputError(StepError):
    """The input is wrong: running again with the same input cannot help."""

    exit_code = 2


class ParameterError(InputError, ValueError):
    """A parameter has a value that it must not have."""


class DatasetError(InputError, ValueError):
    """The data set, or the archive it came in, is not what the contract promises."""


class ModelError(InputError, ValueError):
    """A model or checkpoint is missing, damaged or of an unknown kind."""


class RegistryError(InputError):
    """The registry holds no such model or version, or refuses the change."""


class TemporaryError(StepError):
    """The same call may succeed later: the rendered `retryStrategy` tries exactly this code again."""

    exit_code = 75


class StoreUnavailableError(TemporaryError):
    """The object store did not answer, or answered that it is busy."""
