"""What every store can do, whatever is behind it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from steps.errors import InputError

RESERVED = ".store-"
"""Names in a folder that begin so are the store's own: half-written files and tags."""


class MissingObjectError(InputError):
    """The store holds no such object, or there is no such bucket."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of a listing."""

    key: str
    """Relative to the store's prefix."""

    size: int
    """Bytes."""

    state: str = field(default="", compare=False)
    """A text that changes when the object is written anew: the ETag of a bucket, the time of a file."""


class Store(Protocol):
    """Objects by key, below one prefix of a bucket or in one folder.

    Keys are relative paths with `/` between names. What is written appears whole or not at all.

    Every method raises:
        MissingObjectError: If the key or the bucket does not exist, where the method needs it to.
        InputError: If the store refuses: access denied, keys unknown, a key that is not allowed.
        StoreUnavailableError: If the store does not answer or is busy, after a few tries.
    """

    def get(self, key: str) -> bytes:
        """Return the content of `key`."""

    def stream(self, key: str) -> Iterator[bytes]:
        """Yield the content of `key` in chunks of about a MiB."""

    def put(self, key: str, data: bytes) -> None:
        """Write `key`, whatever was there."""

    def put_new(self, key: str, data: bytes) -> bool:
        """Write `key` only if nothing is there; tell whether it was written.

        False may also mean that an earlier try, whose answer got lost on the way, had written it: where that matters,
        put something unique into `data` and read it back.
        """

    def put_if(self, key: str, data: bytes, etag: str) -> bool:
        """Write `key` only if its content is still the one that `etag` names; tell whether it was written.

        The same doubt as with `put_new` stays.
        """

    def etag(self, key: str) -> str:
        """Return a text that changes when the content of `key` does."""

    def exists(self, key: str) -> bool:
        """Tell whether there is an object `key`. A folder is none."""

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """Yield the objects whose keys begin with `prefix`, in order of their keys. None is not an error."""

    def download(self, key: str, path: Path) -> None:
        """Write the content of `key` to the file `path`, which appears when it is whole."""

    def upload(self, path: Path, key: str) -> None:
        """Write the file `path` to `key`, whatever was there."""

    def delete(self, key: str) -> None:
        """Remove `key`; if it is not there, nothing happens."""

    def tag(self, key: str, tags: dict[str, str]) -> bool:
        """Replace the tags of `key`; False where the store knows no tags. For people: nothing may depend on them."""

    def tags(self, key: str) -> dict[str, str]:
        """Return the tags of `key`, none where the store knows no tags."""

    def url(self, key: str = "") -> str:
        """Return the address of `key`, as `open_store` and `fetch` take it."""


def check_key(key: str) -> str:
    """Return `key` if it may be one: a relative path, no empty name, `.` or `..`, no control character.

    Raises:
        InputError: If it may not.
    """
    names = key.split("/")
    if (
        any(
            name in {"", ".", ".."} or name.startswith(RESERVED) or len(name.encode(errors="replace")) > 200
            for name in names
        )
        or len(key.encode(errors="replace")) > 1000
        or "\\" in key
        or any(character < " " or character == "\x7f" or "\ud800" <= character <= "\udfff" for character in key)
    ):
        raise InputError(
            f"not a key that a store may hold: {key[:200]!r}",
            hint="keys are relative paths: no `..`, no empty name, no backslash or control character, "
            f"no name that begins with {RESERVED!r} or has more than 200 bytes",
        )
    return key
