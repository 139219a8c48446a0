"""What a task, or the outputs of a DAG, can refer to: inputs, and what other nodes left."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from workflows.local.durations import rfc3339
from workflows.local.errors import ExpressionError, ManifestError
from workflows.local.expression import parse
from workflows.local.node import Node, NodeType, Phase
from workflows.local.spelling import json_text, value_text
from workflows.local.template import Template
from workflows.local.values import Arguments, Artifact, Outputs, ValueFrom


class Scope:
    """Names and their values: text under `values`, artifacts under `artifacts`, spelled as in tags."""

    def __init__(self, template: Template) -> None:
        self.values = {f"inputs.parameters.{one.name}": one.value or "" for one in template.inputs.parameters}
        self.absent: set[str] = set()
        """Prefixes of what a skipped or omitted node would have left: an input with a default can do without."""
        self.artifacts = {f"inputs.artifacts.{one.name}": one for one in template.inputs.artifacts}

    def add(self, prefix: str, node: Node, nodes: Mapping[str, Node]) -> None:
        """Add what `node` left, under `prefix`, such as `tasks.train`."""
        if node.type is NodeType.RETRY and node.children:
            node = nodes[node.children[-1]]
        if node.type is NodeType.TASK_GROUP:
            self.add_group(prefix, [nodes[name] for name in node.children if name in nodes])
        if node.phase in {Phase.SKIPPED, Phase.OMITTED}:
            self.absent.add(f"{prefix}.outputs.parameters.")
        self.values[f"{prefix}.status"] = str(node.phase)
        self.values[f"{prefix}.startedAt"] = rfc3339(node.started)
        if node.finished:
            self.values[f"{prefix}.finishedAt"] = rfc3339(node.finished)
        outputs = node.outputs
        if outputs.exit_code is not None:
            self.values[f"{prefix}.exitCode"] = outputs.exit_code
        if outputs.result is not None:
            self.values[f"{prefix}.outputs.result"] = outputs.result
        self.values |= {f"{prefix}.outputs.parameters.{one.name}": one.value or "" for one in outputs.parameters}
        self.artifacts |= {f"{prefix}.outputs.artifacts.{one.name}": one for one in outputs.artifacts}

    def add_group(self, prefix: str, children: Sequence[Node]) -> None:
        """Add the outputs of the succeeded `children` of an expanded task, gathered into JSON lists.

        Raises:
            ManifestError: If a result is not JSON, which Argo cannot gather.
        """
        good = [node for node in children if node.phase is Phase.SUCCEEDED]
        rows = [{one.name: one.value or "" for one in node.outputs.parameters} for node in good]
        rows = [row for row in rows if row]
        results = [_as_item(node.outputs.result) for node in good if node.outputs.result is not None]
        self.values[f"{prefix}.outputs.result"] = json_text(results)
        self.values[f"{prefix}.outputs.parameters"] = json_text(rows)
        for name in dict.fromkeys(name for row in rows for name in row):
            self.values[f"{prefix}.outputs.parameters.{name}"] = json_text([row[name] for row in rows if name in row])

    def is_absent(self, tag: str) -> bool:
        """Tell whether `tag` names the output of a node that did not run."""
        return tag.startswith(tuple(self.absent))

    def artifact(self, wanted: Artifact) -> Artifact | None:
        """Return where the content of `wanted` is, by its `from` or `fromExpression`; None if it is optional and absent.

        Raises:
            ManifestError: If nothing is there.
            ExpressionError: If the expression fails.
        """
        if wanted.from_expression:
            found = parse(wanted.from_expression).evaluate(self.nested())
            if not isinstance(found, Artifact):
                raise ManifestError(f"fromExpression {wanted.from_expression!r} gives {found!r}, not an artifact")
            return found.model_copy(update={"name": wanted.name})
        name = _tag_name(wanted.from_ or "")
        if name not in self.artifacts:
            if wanted.optional:
                return None
            raise ManifestError(f"Unable to resolve: {{{{{name}}}}}")
        return self.artifacts[name].model_copy(update={"name": wanted.name})

    def parameter(self, source: ValueFrom) -> str:
        """Return the text that `source` points to, or its default.

        Raises:
            ManifestError: If nothing is there and there is no default.
        """
        try:
            if source.expression:
                value = parse(source.expression).evaluate(self.nested())
                return value_text(value)
            return self._value(source.parameter or "")
        except (ManifestError, ExpressionError):
            if source.default is not None:
                return source.default
            raise

    def outputs(self, declared: Arguments) -> Outputs:
        """Return the outputs of a DAG or steps template that declares them so."""
        parameters = [
            one.model_copy(update={"value": self.parameter(one.value_from), "value_from": None})
            if one.value_from
            else one
            for one in declared.parameters
        ]
        artifacts = [self.artifact(one) for one in declared.artifacts if one.from_ or one.from_expression]
        return Outputs(parameters=parameters, artifacts=[one for one in artifacts if one])

    def _value(self, reference: str) -> str:
        name = _tag_name(reference)
        if name not in self.values:
            raise ManifestError(f"Unable to resolve: {{{{{name}}}}}")
        return self.values[name]

    def nested(self) -> dict[str, Any]:
        """Return everything as nested mappings, as expressions read it."""
        tree: dict[str, Any] = {}
        for name, value in sorted({**self.values, **self.artifacts}.items()):
            *path, last = name.split(".")
            branch = tree
            for part in path:
                inner = branch.setdefault(part, {})
                if not isinstance(inner, dict):  # `outputs.parameters` of a group is text and has members too
                    inner = branch[part] = {}
                branch = inner
            branch[last] = value
        return tree


def _tag_name(reference: str) -> str:
    return reference.strip().removeprefix("{{").removesuffix("}}").strip()


def _as_item(result: str) -> object:
    try:
        return json.loads(result)
    except ValueError:
        raise ManifestError(f"result {result[:40]!r} of an expanded task is not JSON, and cannot be gathered") from None
