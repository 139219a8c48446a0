"""Specs as they are, whoever wrote them: what clients add by themselves does not count."""

from collections.abc import Mapping
from typing import Any, Final

from workflows.argo.manifest import spec_digest

WRITTEN_THOUGH_EMPTY: Final = frozenset({"arguments", "inputs", "metadata", "name", "outputs", "resources"})
"""Fields that Argo's own clients write though nothing is in them. Others mean something even then: `emptyDir: {}`."""

LEFT_OUT_WHEN_EMPTY: Final[tuple[Any, ...]] = (None, [])
"""What Argo's own clients leave out, wherever it is."""


def settle(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return `spec` without what `kubectl`, `argo` and the UI write or leave out by themselves."""
    settled = {key: _settled(part) for key, part in spec.items()}
    return {
        key: part
        for key, part in settled.items()
        if part not in LEFT_OUT_WHEN_EMPTY and not (key in WRITTEN_THOUGH_EMPTY and part in ({}, ""))
    }


def settled_digest(spec: Mapping[str, Any]) -> str:
    """Return the digest of `spec`, the same whoever wrote it."""
    return spec_digest(settle(spec))


def leftovers(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch that takes out of `live` what is not in `wanted`: null for each field, at any depth."""
    patch: dict[str, Any] = {key: None for key in live if key not in wanted}
    for key, part in wanted.items():
        below = live.get(key)
        if isinstance(part, Mapping) and isinstance(below, Mapping):
            inner = leftovers(below, part)
            if inner:
                patch[key] = inner
    return patch


def _settled(part: Any) -> Any:
    if isinstance(part, Mapping):
        return settle(part)
    return [_settled(item) for item in part] if isinstance(part, list) else part
