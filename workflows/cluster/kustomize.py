"""The overlays of `argo/cluster/`, rendered by the kustomize that comes with kubectl."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

import yaml

import workflows
from workflows.cluster.errors import ClusterError

OVERLAYS: Final = Path(workflows.__file__).resolve().parent.parent / "argo" / "cluster" / "overlays"
TIMEOUT_S: Final = 60


def render(overlay: str, namespace: str) -> list[dict[str, Any]]:
    """Return the objects of an overlay, moved to `namespace`: the Namespace itself is the first.

    Args:
        overlay: A folder with a kustomization, or the name of one in `argo/cluster/overlays/`.
        namespace: Where the objects go, whatever the overlay says.

    Raises:
        ClusterError: If there is no such overlay, no kustomize, or kustomize refuses the folder.
    """
    folder = _folder(overlay).resolve()
    with tempfile.TemporaryDirectory(prefix="argosight-") as temporary:
        # Kustomize takes folders by relative path only, and resolves links before it goes up.
        root = Path(temporary).resolve()
        kustomization = {"namespace": namespace, "resources": [os.path.relpath(folder, root)]}
        (root / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
        command = [*_kustomize(), str(root)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode:
        reason = done.stderr.strip().replace(str(root), "").splitlines()[-1:]
        raise ClusterError(f"{folder} does not render: {''.join(reason)}", hint=f"try `kubectl kustomize {folder}`")
    documents = [document for document in yaml.safe_load_all(done.stdout) if document]
    return sorted(documents, key=lambda document: document["kind"] != "Namespace")


def _folder(overlay: str) -> Path:
    for folder in (OVERLAYS / overlay, Path(overlay)):
        if (folder / "kustomization.yaml").is_file():
            return folder
    known = (
        ", ".join(sorted(path.name for path in OVERLAYS.iterdir() if path.is_dir())) if OVERLAYS.is_dir() else "none"
    )
    raise ClusterError(
        f"no overlay {overlay!r}", hint=f"overlays are {known}; a folder of your own needs a kustomization.yaml"
    )


def _kustomize() -> list[str]:
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    raise ClusterError("no kubectl on the PATH", hint="https://kubernetes.io/docs/tasks/tools tells how to install it")
