"""Fetch, check, load, listen."""

from concurrent.futures import ThreadPoolExecutor

from steps.registry import Registry
from steps.serve.app import create_app
from steps.serve.contract import ServeInputs, ServeOutputs
from steps.serve.limits import Limits
from steps.serve.predictor import Predictor
from steps.serve.server import bind, run_server
from steps.workspace import Workspace

WORKERS = 2
"""Pictures in work at a time: while one is decoded, the network has another. It uses all cores for one already."""


def serve(inputs: ServeInputs, work: Workspace) -> ServeOutputs:
    """Serve one version until told to stop.

    Raises:
        RegistryError: If there is no such model or version.
        ModelError: If its files are not those that were published.
        ParameterError: If the address cannot be listened on.
    """
    registry = Registry.open(inputs.registry)
    version = registry.resolve(inputs.model_name, inputs.version)
    with bind(inputs.host, inputs.port) as listener, ThreadPoolExecutor(WORKERS, "predict") as executor:
        with work.scratch("model") as folder:
            predictor = Predictor.load(version, registry, folder, executor, threads=inputs.threads)
        app = create_app(predictor, Limits(body_bytes=inputs.max_bytes, pixels=inputs.max_pixels))
        run_server(app, listener, {"model": version.name, "version": version.number})
    return ServeOutputs()
