"""Results of earlier runs, by what they follow from: a step that would do the same again takes them instead.

Not Argo's memoization, which keys on text that is known before a pod starts and points at artifacts that expire with
their run: this keys on the content of what arrives, keeps what it needs, and is the same wherever the step runs. What
it costs is the pod and the transfer of the inputs; what it saves is the work.
"""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distributions
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, StringConstraints, ValidationError

from steps.contract import CACHE, REUSE, Model, Step, artifact_mark
from steps.errors import StepError
from steps.store import Store, open_store

RESULT: Final = "result.json"


class Result(BaseModel, frozen=True, extra="forbid"):
    """What `result.json` says: when the result was made, and its files by path, with their SHA-256."""

    made: str
    files: dict[str, Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]]


class ResultCache:
    """The kept result of one step for one set of inputs.

    Files lie under their SHA-256; `result.json` is written last. A store that does not answer, and a result that is not
    whole, cost the work and nothing else.
    """

    def __init__(self, step: Step[Any, Any], url: str, key: str) -> None:
        self._step, self._prefix = step, f"{step.name}/{key}"
        self._store: Store = open_store(url)

    @classmethod
    def of(cls, step: Step[Any, Any], inputs: Model) -> Self | None:
        """Return the cache for these inputs, or None where the step, its inputs or the environment do not allow one."""
        url = os.environ.get(CACHE, "")
        if not url or not step.reuse or step.reuse.depends_on_more(inputs):
            return None
        return cls(step, url, key_of(step, inputs))

    def take(self, into: Path) -> str:
        """Bring the result into the folder `into`; return when it was made, or nothing where there is none."""
        if os.environ.get(REUSE) == "false":
            return ""
        try:
            result = Result.model_validate_json(self._store.get(f"{self._prefix}/{RESULT}"))
            for name, digest in result.files.items():
                path = into / _checked(name)
                path.parent.mkdir(parents=True, exist_ok=True)
                self._store.download(f"{self._prefix}/{digest}", path)
                if _digest(path) != digest:
                    return self._told("", f"the kept {name} is damaged: does the work")
        except (StepError, ValidationError):
            return ""
        return self._told(result.made, f"nothing it depends on has changed: takes the result of {result.made}")

    def keep(self, made: str, out: Path) -> None:
        """Keep the files below `out`."""
        files = {path.relative_to(out).as_posix(): path for path in sorted(out.rglob("*")) if path.is_file()}
        digests = dict(zip(files, _digests(files.values()), strict=True))
        try:
            for digest, path in dict(zip(digests.values(), files.values(), strict=True)).items():
                self._store.upload(path, f"{self._prefix}/{digest}")
            told = Result(made=made, files=digests)
            self._store.put(f"{self._prefix}/{RESULT}", told.model_dump_json(indent=1).encode())
        except StepError as error:
            self._told("", f"the result is not kept: {error}")

    def _told(self, made: str, text: str) -> str:
        sys.stderr.write(f"{self._step.name}: {text}\n")
        return made


def key_of(step: Step[Any, Any], inputs: Model) -> str:
    """Return a digest of all that the outputs follow from: code, packages, parameters, and what is in the artifacts."""
    assert step.reuse  # noqa: S101
    parameters, artifacts = {}, {}
    for name, field in type(inputs).model_fields.items():
        value = getattr(inputs, name)
        if artifact_mark(field):
            artifacts[name] = _tree_digest(value) if value else ""
        elif name not in step.reuse.beside:
            parameters[name] = value
    told = {
        "step": step.name,
        "code": _code(step),
        "packages": _packages(),
        "parameters": parameters,
        "inputs": artifacts,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _code(step: Step[Any, Any]) -> str:
    """Return a digest of the code that the step may run: its own folder, and what no step has to itself."""
    here = Path(__file__).parent
    others = {path.parent for path in here.glob("*/contract.py")} - {here / step.name}
    files = (path for path in here.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return _digest_of({path for path in files if not others & set(path.parents)}, here)


def _packages() -> list[str]:
    found = {f"{one.name}=={one.version}" for one in distributions()}
    return sorted(found | {f"python=={platform.python_version()}", f"machine=={platform.machine()}"})


def _tree_digest(root: Path) -> str:
    """Return a digest of the names and contents of the files below `root`, or of the file that it is."""
    return _digest_of({root} if root.is_file() else {path for path in root.rglob("*") if path.is_file()}, root)


def _digest_of(files: set[Path], root: Path) -> str:
    chosen = {path.relative_to(root).as_posix(): path for path in sorted(files)}
    lines = (f"{name}\0{digest}\n" for name, digest in zip(chosen, _digests(chosen.values()), strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _digests(paths: Iterable[Path]) -> list[str]:
    with ThreadPoolExecutor() as pool:
        return list(pool.map(_digest, paths))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.as_posix() != name:
        raise StepError(f"a kept result names {name!r}", hint="who wrote it?")
    return name
