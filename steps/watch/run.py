"""Find data sets that no model was trained on yet, and say so of those that are known."""

import json
from typing import Any

from steps.errors import ParameterError
from steps.registry import Registry
from steps.store import open_store
from steps.store.listing import listing_digest
from steps.watch.contract import WatchInputs, WatchOutputs
from steps.watch.history import History
from steps.watch.place import DataSet, find_data_sets
from steps.workspace import Workspace

OWN = {"source", "source-sha256", "model-name", "registry"}
"""Parameters that this data set and registry decide, whatever an earlier version was trained with."""

HIDDEN = "***"


def watch(inputs: WatchInputs, work: Workspace) -> WatchOutputs:
    """Look at every data set, or the one that is named.

    Raises:
        ParameterError: If `parameters` is no JSON object of scalars, or `source` does not lie below `datasets`.
        InputError: If there is no such bucket, or it refuses.
        StoreUnavailableError: If the store does not answer.
    """
    given = _read_parameters(inputs.parameters) | {"registry": inputs.registry}
    registry = Registry.open(inputs.registry)
    found, left_out = find_data_sets(open_store(inputs.datasets), inputs.source)
    promoted = set(registry.names())
    trainings, told = [], []
    for data_set in found:
        listing = listing_digest(data_set.source)
        history = History.of(registry, data_set.name, listing, promoted=data_set.name in promoted)
        told.append(f"{data_set.name}: {history.verdict}")
        if not history.trained:
            trainings.append(_training(data_set, listing, history.parameters, given))
    told += [f"{name} left out: {why}" for name, why in left_out]
    told = told or [f"no data set in {inputs.source or inputs.datasets}"]
    for number, line in enumerate(told, 1):
        work.progress(number, len(told), line)
    return WatchOutputs(
        trainings=json.dumps(trainings, ensure_ascii=False), count=len(trainings), verdict="; ".join(told)
    )


def _training(data_set: DataSet, listing: str, before: dict[str, str], given: dict[str, str]) -> dict[str, Any]:
    """Describe a training. Its run is named by the content, so that whoever asks for the same gets the same run."""
    parameters = {name: value for name, value in before.items() if name not in OWN and HIDDEN not in value}
    parameters |= given | {"source": data_set.source, "model-name": data_set.name}
    return {
        "name": data_set.name,
        "run": f"train-{data_set.name}-{listing[:10]}",
        # A list, not its JSON text: Argo escapes the quotes in an item's texts twice.
        "parameters": [{"name": name, "value": value} for name, value in sorted(parameters.items())],
    }


def _read_parameters(text: str) -> dict[str, str]:
    hint = 'write a JSON object of texts, numbers and booleans, such as {"epochs": 20}'
    try:
        found: Any = json.loads(text)
    except ValueError as error:
        raise ParameterError(f"--parameters={text[:200]!r} is not JSON: {error}", hint=hint) from None
    if not isinstance(found, dict) or not all(isinstance(value, str | int | float) for value in found.values()):
        raise ParameterError(f"--parameters={text[:200]!r} is no JSON object of scalars", hint=hint)
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in found.items()}
