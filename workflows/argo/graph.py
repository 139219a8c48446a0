"""A workflow's DAG as a Mermaid graph, read from its manifest."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from workflows.argo.scope import ancestors, dependencies, named

COMPARISON = re.compile(r"'\{\{[\w.-]*?\.([\w-]+)\}\}' (==|!=) '([^']*)'")


def mermaid(spec: Mapping[str, Any]) -> str:
    """Return the graph from the entry point to the exit handler; nested DAGs are boxes, conditions stand in the nodes."""
    templates = named(spec["templates"])
    lines = ["flowchart TD", *_dag(templates, spec["entrypoint"], "", "  ")]
    if spec.get("onExit"):
        lines += [
            '  subgraph at_exit["at exit, always"]',
            *_dag(templates, spec["onExit"], "at_exit_", "    "),
            "  end",
        ]
        tasks = named(templates[spec["entrypoint"]]["dag"]["tasks"])
        last = [name for name in tasks if not any(name in dependencies(other) for other in tasks.values())]
        lines += [f"  {_id(name)} -.-> at_exit" for name in last]
    return "\n".join(lines)


def condition_words(when: str) -> str:
    """Spell a condition for people: `deploy is true`."""
    words = COMPARISON.sub(lambda found: f"{found[1]} {'is' if found[2] == '==' else 'is not'} {found[3]}", when)
    return words.replace("&&", "and").replace("||", "or")


def _dag(templates: Mapping[str, Mapping[str, Any]], name: str, prefix: str, indent: str) -> Iterator[str]:
    tasks = named(templates[name]["dag"]["tasks"])
    for task_name, task in tasks.items():
        node = _id(f"{prefix}{task_name}")
        label = f"{task_name}<br/>if {condition_words(task['when'])}" if "when" in task else task_name
        if "dag" in templates[task["template"]]:
            yield f'{indent}subgraph {node}["{label}"]'
            yield from _dag(templates, task["template"], f"{node}_", f"{indent}  ")
            yield f"{indent}end"
        else:
            yield f'{indent}{node}["{label}"]'
    for task_name in tasks:
        for other in _nearest(task_name, tasks):
            yield f"{indent}{_id(prefix + other)} --> {_id(prefix + task_name)}"


def _nearest(name: str, tasks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the tasks directly before `name`: not those that already come before another of them."""
    before = dependencies(tasks[name])
    return [task for task in before if not any(task in ancestors(other, tasks) for other in before)]


def _id(name: str) -> str:
    return re.sub(r"\W", "_", name)
