"""The small JSON files that make a folder of files a version."""

import hashlib
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from steps.errors import RegistryError
from steps.runtime.defaults import Defaults
from steps.store.interface import check_key

CLAIM, MANIFEST, POINTER = "claim.json", "version.json", "latest.json"
README, ARCHIVE = "README.md", "results.tar"
OWN_NAMES = frozenset({CLAIM, MANIFEST, README, ARCHIVE})
"""Names in a version's folder that a model's files may not have."""

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
FileName = Annotated[str, AfterValidator(check_key)]


class _Document(BaseModel):
    # Unknown names are left aside, not refused: an older program reads what a newer one published.
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    def to_bytes(self) -> bytes:
        """Return the JSON text, the same bytes for the same content."""
        return self.model_dump_json(indent=1).encode() + b"\n"


class FileEntry(_Document):
    """One file of a version."""

    sha256: Sha256
    size: NonNegativeInt
    """Bytes."""

    @classmethod
    def of(cls, path: Path) -> Self:
        """Describe the file at `path`."""
        with path.open("rb") as file:
            return cls(sha256=hashlib.file_digest(file, "sha256").hexdigest(), size=path.stat().st_size)


class Lineage(_Document):
    """Where a model came from. Credentials are removed before it gets here."""

    run: str = ""
    """Name of the run that trained it."""

    source: str = ""
    """Where the images came from."""

    data_digest: str = ""
    """Digest of the data set."""

    listing: str = ""
    """Digest of the source's listing (key, size and ETag of each object) when it was fetched; empty: not known."""

    parameters: dict[str, str] = Field(default_factory=dict)
    """Parameters of the run."""

    code_version: str = ""
    """Version of this program, and a digest of its sources."""

    metrics: dict[str, float] = Field(default_factory=dict)
    """`map50` and `map50_95` on the test split."""

    created: str = ""
    """When the number was taken, UTC; the registry sets it."""


class Manifest(_Document):
    """Content of `version.json`. It is written last, after every file was read back: what has it is complete."""

    name: str
    version: PositiveInt
    previous: PositiveInt | None
    """The version that `latest` named when this number was taken."""

    lineage: Lineage

    files: dict[FileName, FileEntry]
    """The model folder, by path in it."""

    defaults: Defaults | None = None
    """What it is served with, as its `model.json` says; None in versions that were published before there was such a field."""

    extras: dict[FileName, FileEntry] = Field(default_factory=dict)
    """What lies beside the model: the model card and the results archive."""


class Claim(_Document):
    """Content of `claim.json`: who took the number, and all that makes the manifest besides the files."""

    token: str
    """Unique to one call, so that a claim whose answer got lost is recognised as one's own."""

    run: str
    content: Sha256
    """Digest of what is published; the same run with the same content goes on under the number it has."""

    created: str
    previous: PositiveInt | None


class Rollback(_Document):
    """`latest` was put back by hand: from a version to an earlier one, or to a later one that had been left."""

    left: PositiveInt
    """The version that `latest` named before."""

    version: PositiveInt
    """The version that it named then."""

    reason: str = ""
    moved: str
    """When, UTC."""


class Pointer(_Document):
    """Content of `latest.json`, the authority on what to serve."""

    version: PositiveInt
    url: str
    sha256: Sha256
    """Of the version's `version.json`."""

    highest: PositiveInt | None = None
    """The highest version that `latest` ever named, where that is not `version`: publishers have to pass it, so that
    one that comes late does not undo a rollback."""

    rollbacks: tuple[Rollback, ...] = ()
    """The last rollbacks, the newest first. They move with the pointer, in the same write."""

    @property
    def ceiling(self) -> int:
        """The number above which a version is newer than all that `latest` ever named."""
        return max(self.version, self.highest or 0)

    def to_bytes(self) -> bytes:
        """Return the JSON text; what was never rolled back says nothing of it."""
        return self.model_dump_json(indent=1, exclude_defaults=True).encode() + b"\n"


def describe_folder(folder: Path) -> dict[str, FileEntry]:
    """Return the entries of all files below `folder`, by path in it, sorted.

    Raises:
        RegistryError: If there is none, one is a link, or has a name that the registry needs itself.
    """
    files: dict[str, FileEntry] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise RegistryError(f"{name!r} in the model folder is a link", hint="put the file itself there")
        if name in OWN_NAMES:
            raise RegistryError(f"{name!r} in the model folder is a name of the registry's own", hint="rename the file")
        if path.is_file():
            files[check_key(name)] = FileEntry.of(path)
    if not files:
        raise RegistryError(f"no files in the model folder {folder}", hint="point --model at what `export` wrote")
    return files


def digest_of(*documents: BaseModel | str) -> str:
    """Return the SHA-256 over the JSON texts of `documents`, in their order."""
    texts = (document if isinstance(document, str) else document.model_dump_json() for document in documents)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
