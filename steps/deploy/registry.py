"""The registry that holds the version to deploy."""

from steps.deploy.contract import DeployInputs
from steps.errors import ParameterError
from steps.registry import Registry


def open_registry(inputs: DeployInputs) -> Registry:
    """Open the registry that `inputs` name.

    Raises:
        ParameterError: If they name none.
    """
    if not inputs.registry:
        raise ParameterError(
            "--registry is not given, and no earlier deployment says which it was",
            hint="name the registry that holds the model: s3://bucket/prefix, or a folder",
        )
    return Registry.open(inputs.registry)
