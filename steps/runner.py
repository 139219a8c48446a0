"""Run one step: parse its inputs, call it, write its outputs. The same path on a laptop and in a pod."""

import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from steps import __version__
from steps.command_line import parse, work_root
from steps.contract import Model, Step, argo_name, artifact_mark, as_text, split_fields
from steps.errors import StepError
from steps.reuse import ResultCache
from steps.store.redaction import redact
from steps.workspace import Workspace

BUG = 1
INTERRUPTED = 130
TERMINATED = 143
RECORD = "record.json"


def run(step: Step[Any, Any], argv: Sequence[str]) -> int:
    """Run `step` on command-line arguments, under `$STEP_WORK`, and return its exit code.

    Outputs appear under `out/` all at once, when the step has returned; only evidence appears there after a refusal. Whatever happened, `record.json` tells what
    ran, for how long, with what peak memory, and why it failed. Lineage and report are made from these: no URL in the
    record, or in what is said of a fault, shows its credentials.

    Returns:
        0; 2 when the input is wrong; 75 when another try may help; 130 or 143 when interrupted; 1 for a bug.
    """
    root = work_root()
    root.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, _terminate)
    record: dict[str, Any] = {"step": step.name, "version": __version__, "started": _now()}
    began = time.perf_counter()
    code, fault = 0, ""
    try:
        inputs = parse(step, argv)
        record["parameters"] = _redacted(_parameters(inputs))
        outputs, reused = _execute(step, inputs, root)
        record["outputs"] = _redacted(outputs)
        if reused:
            record["reused"] = reused
    except StepError as error:
        _leave_evidence(step, root)
        code, fault = error.exit_code, f"{step.name}: {error}"
        record["error"] = _redacted({"message": error.message, "hint": error.hint})
    except (KeyboardInterrupt, _Terminated) as stop:
        code = TERMINATED if isinstance(stop, _Terminated) else INTERRUPTED
        fault = f"{step.name}: interrupted; run it again to go on"
        record["error"] = {"message": "interrupted", "hint": "run it again to go on"}
    except Exception as error:  # noqa: BLE001  (a bug: the record must tell of it too)
        code, fault = BUG, traceback.format_exc()
        message = f"{type(error).__name__}: {error}"
        record["error"] = _redacted({"message": message, "hint": "this is a bug; the log has the traceback"})
    usage, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    record |= {
        "finished": _now(),
        "seconds": round(time.perf_counter() - began, 3),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime + children.ru_utime + children.ru_stime, 3),
        "peak_rss_bytes": max(usage.ru_maxrss, children.ru_maxrss) * (1 if sys.platform == "darwin" else 1024),
        "exit_code": code,
    }
    write_atomically(root / RECORD, json.dumps(record, indent=1))
    if fault:
        sys.stderr.write(f"{redact(fault)}\n")
    return code


def write_atomically(path: Path, text: str) -> None:
    """Write `text` to `path` so that a reader sees the old content or the new, never a part."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _execute(step: Step[Any, Any], inputs: Model, root: Path) -> tuple[dict[str, str], str]:
    """Do the work, or take the result of an earlier run; return the parameters, and when that result was made."""
    final, staging = root / "out", root / ".out"
    for folder in (final, staging):
        shutil.rmtree(folder, ignore_errors=True)
    staging.mkdir()
    state = root / "state"
    state.mkdir(exist_ok=True)
    cache = ResultCache.of(step, inputs)
    made = cache.take(staging) if cache else ""
    if not made:
        shutil.rmtree(staging)
        staging.mkdir()
        outputs = step.load()(inputs, Workspace(out=staging, state=state))
        _check_artifacts(step, outputs, staging)
        for name, text in _parameters(outputs).items():
            (staging / name).write_text(text, encoding="utf-8")
        if cache:
            cache.keep(_now(), staging)
    told = {name: (staging / name).read_text(encoding="utf-8") for name in split_fields(step.outputs)[0]}
    staging.rename(final)
    shutil.rmtree(state)
    return told, made


def _leave_evidence(step: Step[Any, Any], root: Path) -> None:
    """Move what a step left that refuses its input to where outputs are; nothing else of it counts."""
    for name, field in split_fields(step.outputs)[1].items():
        mark = artifact_mark(field)
        left = root / ".out" / name
        if mark and mark.evidence and left.exists():
            (root / "out").mkdir(exist_ok=True)
            left.rename(root / "out" / name)


def _check_artifacts(step: Step[Any, Any], outputs: Model, staging: Path) -> None:
    for name in split_fields(step.outputs)[1]:
        path = getattr(outputs, name.replace("-", "_"))
        if path is not None and (path != staging / name or not path.exists()):
            raise AssertionError(f"step {step.name!r} must leave {name!r} at {staging / name}, not at {path}")


def _parameters(model: Model) -> dict[str, str]:
    return {
        argo_name(name): as_text(getattr(model, name))
        for name, field in type(model).model_fields.items()
        if not artifact_mark(field)
    }


def _redacted(texts: dict[str, str]) -> dict[str, str]:
    return {name: redact(text) for name, text in texts.items()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class _Terminated(BaseException):
    """SIGTERM arrived: a pod is being deleted, or the local engine stops."""


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _Terminated
