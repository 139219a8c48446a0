"""The model card for people: `README.md` in the version's folder."""

from typing import Any

from steps.registry import Manifest
from steps.runtime import Defaults, ModelCard
from steps.store import redact


def write_readme(manifest: Manifest, card: ModelCard, metrics: dict[str, Any], registry: str) -> str:
    """Return the model card as Markdown: what the model finds, how well, where it came from, how to serve it.

    Args:
        manifest: The version that is being published.
        card: Its `model.json`.
        metrics: Content of `metrics.json`; what is not in it is left out.
        registry: Address of the registry.
    """
    lineage = manifest.lineage
    parts = [
        f"# {manifest.name}, version {manifest.version}",
        f"Finds {_listed(card.classes)} in images. The network reads {card.input.width} × {card.input.height} pixels. "
        f"Trained from `{_plain(redact(card.base_model))}`, exported as {_listed(sorted(card.formats))}.",
        "## How good it is",
        _scores(metrics),
        _served(card.served_defaults),
        "## Where it came from",
        _table(
            ("", ""),
            [
                ("Run", lineage.run),
                ("Published", lineage.created),
                ("Version before", str(manifest.previous or "none")),
                ("Source of the images", lineage.source),
                ("Digest of the data set", lineage.data_digest),
                ("Code", lineage.code_version),
            ],
        ),
        *(
            ["### Parameters", _table(("Name", "Value"), list(lineage.parameters.items()))]
            if lineage.parameters
            else []
        ),
        "## How to use it",
        f"```sh\npython -m steps serve --registry={redact(registry)} --model-name={manifest.name} --version={manifest.version}\n```",
        "`version.json` names the SHA-256 of every file; `results.tar` holds the checkpoint and the metrics.",
    ]
    return "\n\n".join(parts) + "\n"


def _scores(metrics: dict[str, Any]) -> str:
    head = f"On the {metrics.get('split', 'test')} split, {metrics.get('images', '?')} images:"
    columns = ("boxes", "ap50", "ap50_95", "precision", "recall", "f1")
    overall = {**metrics, "ap50": metrics.get("map50"), "ap50_95": metrics.get("map50_95")}
    classes = [item for item in metrics.get("per_class", ()) if isinstance(item, dict)]
    overall["boxes"] = sum(item.get("boxes") or 0 for item in classes)
    rows = [
        (name, *(_number(row.get(column)) for column in columns))
        for name, row in (("all", overall), *((str(item.get("name")), item) for item in classes))
    ]
    return f"{head}\n\n{_table(('Class', 'Boxes', 'AP50', 'AP50-95', 'Precision', 'Recall', 'F1'), rows)}"


def _served(defaults: Defaults) -> str:
    own = ", ".join(f"{_number(value)} for `{_plain(name)}`" for name, value in defaults.per_class.items())
    return (
        f"Precision, recall and F1 are those of what is served: boxes of a confidence above {_number(defaults.confidence)}"
        f"{f' ({own})' if own else ''}, of two that overlap by more than {_number(defaults.iou)} the stronger, at most "
        f"{defaults.max_detections} an image. A request may ask for other values."
    )


def _number(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value) if isinstance(value, int) else "–"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(_plain(cell) for cell in line) + " |" for line in lines)


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"`{_plain(name)}`" for name in names)


def _plain(text: str) -> str:
    """Return `text` on one line and without what Markdown or HTML would act on; class names come from strangers."""
    one_line = " ".join(text.split())
    return one_line.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("`", "'")
