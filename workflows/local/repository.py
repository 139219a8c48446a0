"""The artifact repository: on a cluster a bucket, here the folder of the runs, with the same keys.

A key `runs/NAME/…` lies in the folder of that run; any other lies under `artifacts/`.
"""

import re
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from workflows.local.errors import LocalError
from workflows.local.objects import Objects
from workflows.local.values import S3, Artifact

PACKED = re.compile(r"\.(tgz|tar\.gz|tar|zip)$")
ENGINES_OWN = ("nodes", "run.json", "manifest.yaml", "lock")
"""What the engine keeps in the folder of a run, and no key may name."""


class Repository:
    """Artifacts by content, in `objects/`, and by key, as files that people can look at."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.objects = Objects(home / "objects")

    def place(self, key: str, *, packed: bool = False) -> Path:
        """Return where the artifact `key` is, or would be; what a bucket holds packed, `x.tgz`, is here the folder `x`.

        Raises:
            LocalError: If the key leads out of the repository or into what the engine keeps there.
        """
        parts = PurePosixPath(key).parts
        if not parts or parts[0] == "/" or ".." in parts:
            raise LocalError(f"artifact key {key!r} leads out of the repository", hint="a key is like runs/NAME/report")
        if packed:
            parts = (*parts[:-1], PACKED.sub("", parts[-1]) or parts[-1])
        if parts[0] != "runs":
            return self.home / "artifacts" / Path(*parts)
        if len(parts) < 3 or parts[2] in ENGINES_OWN:
            raise LocalError(f"artifact key {key!r} is taken by the engine", hint="a key is like runs/NAME/report")
        return self.home / Path(*parts)

    def store(self, path: Path, artifact: Artifact, default_key: str, *, move: bool) -> Artifact:
        """Store what is at `path` by content, show it at the key of `artifact`, and return the artifact, located.

        The `path` of what is returned is where it is shown. With `move`, nothing is left at `path`.
        """
        digest, tree = self.objects.take(path)
        key = artifact.s3.key if artifact.s3 else default_key
        shown = self.place(key, packed=artifact.packing != "none")
        staged = shown.with_name(f".{shown.name}.new")
        _clear(staged)
        staged.parent.mkdir(parents=True, exist_ok=True)
        try:
            moved = move and bool(path.rename(staged))
        except OSError:  # another file system
            moved = False
        if not moved:
            self.objects.link(digest, staged, tree=tree)
        _clear(shown)
        staged.rename(shown)
        return artifact.model_copy(update={"digest": digest, "tree": tree, "path": str(shown)})

    def fetch(self, artifact: Artifact, target: Path) -> None:
        """Make the content of `artifact` appear at `target`.

        Raises:
            FileNotFoundError: If there is nothing at its key.
        """
        _clear(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        if artifact.raw:
            target.write_text(artifact.raw.data, encoding="utf-8")
        elif artifact.digest:
            self.objects.link(artifact.digest, target, tree=bool(artifact.tree))
        elif artifact.s3:
            self._fetch_key(artifact, artifact.s3, target)

    def _fetch_key(self, artifact: Artifact, s3: S3, target: Path) -> None:
        source = self.place(s3.key)
        if not source.exists():
            source = self.place(s3.key, packed=True)
        if not source.exists() or (source.is_dir() and not any(source.iterdir())):
            raise FileNotFoundError(f"nothing is at the key {s3.key!r}")
        if source.is_file() and artifact.packing == "tar" and _is_tarball(source):
            with tarfile.open(source) as archive:
                archive.extractall(target, filter="data")
            return
        digest, tree = self.objects.take(source)
        self.objects.link(digest, target, tree=tree)


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _is_tarball(path: Path) -> bool:
    try:
        with tarfile.open(path, "r:gz") as archive:
            return archive.next() is not None
    except (tarfile.TarError, OSError, EOFError, zlib.error):
        return False
