"""Write the tables of docs/serving-api.md from the code: `python -m steps.serve.manual docs/serving-api.md`."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from steps.serve.app import create_app
from steps.serve.limits import Limits
from steps.serve.options import Options, schemas
from steps.serve.protocols.explain import ExplainOptions
from steps.serve.protocols.request import REFUSALS
from steps.serve.video.job import VideoOptions

_PLACE = re.compile(r"(<!-- (\w+): written by steps\.serve\.manual -->\n).*?(<!-- end -->)", re.DOTALL)


def fill(text: str) -> str:
    """Return the page with its tables written anew.

    Raises:
        KeyError: If the page has a place for a table that there is not.
    """
    tables = {
        "operations": _operations(),
        "options": _options(Options),
        "video": _options(VideoOptions, without=Options),
        "explain": _options(ExplainOptions, without=Options),
        "refusals": _table(("status", "when"), ((str(code), one["description"]) for code, one in REFUSALS.items())),
    }
    return _PLACE.sub(lambda place: place[1] + tables[place[2]] + "\n" + place[3], text)


def _operations() -> str:
    document = create_app(cast("Any", None), Limits()).openapi()
    rows = (
        (f"`{method.upper()} {path}`", one["description"].split("\n")[0], ", ".join(_kinds(one)))
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    )
    return _table(("request", "what it does", "answers"), rows)


def _kinds(operation: dict[str, Any]) -> list[str]:
    good = (answer for status, answer in operation["responses"].items() if status.startswith("2"))
    return list(dict.fromkeys(kind for answer in good for kind in answer.get("content", {})))


def _options(kind: type[BaseModel], without: type[BaseModel] | None = None) -> str:
    known = set(without.model_fields) if without else set()
    rows = (
        (f"`{name}`", _range(schema), str(schema.get("default", "")), schema["description"])
        for name, schema in schemas(kind).items()
        if name not in known
    )
    return _table(("option", "values", "default", "meaning"), rows)


def _range(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(schema["enum"])
    if "minimum" in schema:
        return f"{schema['minimum']}…{schema['maximum']}"
    return str(schema["type"])


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(fill(page.read_text(encoding="utf-8")), encoding="utf-8")
