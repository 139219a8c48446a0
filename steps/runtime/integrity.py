"""Trust in a model's files: each has the SHA-256 that the card names."""

import hashlib
from pathlib import Path

from steps.errors import ModelError
from steps.runtime.card import ModelCard


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def verify_files(folder: Path, card: ModelCard) -> None:
    """Check every file that `card` lists, and that every format's own file is among them.

    Raises:
        ModelError: If a file is missing, is not listed, or its content is not what the card names.
    """
    for name, exported in card.formats.items():
        if exported.file not in card.files:
            raise ModelError(f"the card lists no SHA-256 for {exported.file}, the file of format {name!r}", hint=_HINT)
    for relative, expected in card.files.items():
        path = folder / relative
        if not path.is_file():
            raise ModelError(f"{relative} is missing from {folder}", hint=_HINT)
        found = file_digest(path)
        if found != expected:
            raise ModelError(f"{relative} has SHA-256 {found}, the card says {expected}", hint=_HINT)


_HINT = "the model is incomplete or was changed after its export: fetch it again, or export it again"
