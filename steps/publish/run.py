"""Publish a model: check it, tell where it came from, and hand it to the registry."""

import json
from pathlib import Path
from typing import Any

from steps.errors import InputError
from steps.publish.archive import write_archive
from steps.publish.contract import PublishInputs, PublishOutputs
from steps.publish.provenance import code_version, read_parameters
from steps.publish.readme import write_readme
from steps.publish.served import ServedModel
from steps.registry import Lineage, Registry
from steps.runtime import ModelCard, verify_files
from steps.store import redact
from steps.workspace import Workspace


def publish(inputs: PublishInputs, work: Workspace) -> PublishOutputs:
    """Publish the model. Run again by the same run after an interruption, it goes on under the number it took.

    Raises:
        ModelError: If a file of the model is not the one that `export` wrote.
        InputError: If the metrics are damaged, or are those of another model.
        RegistryError: If the registry refuses.
        StoreUnavailableError: If the registry's store does not answer.
    """
    card = ModelCard.read(inputs.model)
    verify_files(inputs.model, card)
    metrics = _read_metrics(inputs.metrics)
    lineage = Lineage(
        run=inputs.run,
        source=redact(inputs.source),
        data_digest=inputs.data_digest,
        listing=inputs.listing,
        parameters=read_parameters(inputs.parameters),
        code_version=code_version(),
        metrics={name: float(metrics[name]) for name in ("map50", "map50_95")},
    )
    with work.scratch("publish") as scratch:
        model = ServedModel.make(inputs.model, inputs.metrics, metrics, scratch / "model")
        archive = scratch / "results.tar"
        write_archive(archive, checkpoint=inputs.checkpoint, metrics=inputs.metrics)
        published = Registry.open(inputs.registry).publish(
            inputs.model_name,
            model.folder,
            lineage,
            archive=archive,
            defaults=model.defaults,
            describe=lambda manifest: write_readme(manifest, model.card, metrics, inputs.registry),
            progress=work.progress,
        )
    manifest = published.manifest
    entries = (manifest.files | manifest.extras).values()
    summary = {
        "name": manifest.name,
        "version": manifest.version,
        "url": published.url,
        "previous": manifest.previous,
        "lineage": manifest.lineage.model_dump(),
        "defaults": model.defaults.model_dump(),
        "files": len(entries),
        "bytes": sum(entry.size for entry in entries),
    }
    path = work.out / "published"
    path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return PublishOutputs(published=path, version=manifest.version, url=published.url)


def _read_metrics(folder: Path) -> dict[str, Any]:
    path = folder / "metrics.json"
    hint = "point --metrics at the folder that the `evaluate` step wrote"
    try:
        metrics = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"no readable metrics.json in {folder} ({type(error).__name__})", hint=hint) from None
    if not isinstance(metrics, dict) or not all(
        isinstance(metrics.get(name), int | float) for name in ("map50", "map50_95")
    ):
        raise InputError(f"{path} has no map50 and map50_95", hint=hint)
    return metrics
