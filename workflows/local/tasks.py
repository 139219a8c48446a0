"""Calls of templates: conditions, expansion over items, and arguments, in the order in which Argo looks at them."""

import json
import re
from collections.abc import Mapping

from workflows.local.errors import ExpressionError, ManifestError
from workflows.local.expression import parse_condition
from workflows.local.scope import Scope
from workflows.local.spelling import Item, elements, item_of
from workflows.local.substitution import replace, substitute, tags
from workflows.local.template import Task

WHOLE = re.compile(r"\{\{[^{}]*\}\}")


def holds(when: str) -> bool:
    """Tell whether the condition `when`, its tags replaced, lets a task run.

    Raises:
        ManifestError: If it is not a condition.
    """
    if not when:
        return True
    try:
        return parse_condition(when).holds({})
    except ExpressionError as error:
        raise ManifestError(f"Invalid 'when' expression '{when}': {error.message}", hint=error.hint) from None


def resolve(task: Task, scope: Scope, global_values: Mapping[str, str]) -> Task:
    """Return `task` with its tags replaced and its artifacts located; if its condition is false, as far as that goes.

    Raises:
        ManifestError: If it refers to what another node did not leave.
    """
    values = {**global_values, **scope.values}
    when = json.loads(replace(json.dumps(task.when), values))
    try:
        proceeds = holds(when)
    except ManifestError:
        if not task.expands:
            raise
        proceeds = True  # the condition is on the item, which is put in later
    if not proceeds:
        lacks_items = any(map(scope.is_absent, tags(task.with_param or "")))
        known = task.model_copy(update={"with_param": "[]"}) if lacks_items else task
        return substitute(known, values)
    resolved = substitute(_without_absent(task, scope), values, strict=True)
    artifacts = [
        (scope.artifact(one) or one) if one.from_ or one.from_expression else one
        for one in resolved.arguments.artifacts
    ]
    return resolved.model_copy(update={"arguments": resolved.arguments.model_copy(update={"artifacts": artifacts})})


def _without_absent(task: Task, scope: Scope) -> Task:
    """Return `task` without arguments that are nothing but the output of a node that did not run: defaults count then."""
    arguments = task.arguments
    left = [
        one
        for one in arguments.parameters
        if not (WHOLE.fullmatch(one.value or "") and all(map(scope.is_absent, tags(one.value or ""))))
    ]
    return task.model_copy(update={"arguments": arguments.model_copy(update={"parameters": left})})


def expand(task: Task) -> list[Task]:
    """Return the tasks that `task` stands for, named `task(0:item)`; only itself if it has no items.

    Raises:
        ManifestError: If `withParam` is not a JSON list.
    """
    if not task.expands:
        return [task]
    items = map(item_of, task.with_items) if task.with_items else _items(task)
    alone = task.model_copy(update={"with_items": None, "with_param": None})
    return [_with_item(alone, number, item) for number, item in enumerate(items)]


def _items(task: Task) -> list[Item]:
    text = (task.with_param or "").strip()
    try:
        return list(elements(text))
    except (ValueError, TypeError):
        raise ManifestError(f"withParam value could not be parsed as a JSON list: {text[:200]}") from None


def _with_item(task: Task, number: int, item: Item) -> Task:
    values = {"item": item.text, **{f"item.{name}": one.text for name, one in item.members.items()}}
    return substitute(task, values).model_copy(update={"name": f"{task.name}({number}:{item.label})"})
