"""The pointer `NAME/latest.json`, and the tag that shows it to people."""

import random
import time

from pydantic import ValidationError

from steps.errors import RegistryError, StepError, StoreUnavailableError
from steps.registry.manifest import MANIFEST, POINTER, Pointer
from steps.store import MissingObjectError, Store

TAG = {"training-run": "latest"}
_TRIES = 50


def read_pointer(store: Store, name: str) -> Pointer | None:
    """Return what `latest` of model `name` names, None where nothing was ever published.

    Raises:
        RegistryError: If the pointer is damaged.
    """
    key = f"{name}/{POINTER}"
    try:
        return Pointer.model_validate_json(store.get(key))
    except MissingObjectError:
        return None
    except ValidationError as error:
        raise RegistryError(
            f"{store.url(key)} is damaged: {error.error_count()} faults, the first at {error.errors()[0]['loc']}",
            hint="write it again: version, url, and the sha256 of that version's version.json",
        ) from None


def move_pointer(store: Store, name: str, pointer: Pointer) -> bool:
    """Let `latest` name `pointer`, unless it names that version or a higher one; tell whether it was moved.

    The write is conditional on what was read, and repeated when somebody else was faster: of several publishers the
    highest number wins, in whatever order they arrive.

    Raises:
        StoreUnavailableError: If it did not succeed in 50 tries.
    """
    key, data = f"{name}/{POINTER}", pointer.to_bytes()
    for _ in range(_TRIES):
        # The etag first: if the content changes in between, it is the etag that is too old, and the write is refused.
        etag = store.etag(key) if store.exists(key) else None
        current = read_pointer(store, name)
        if current and current.version >= pointer.version:
            # Also where an earlier try had moved it, and its answer got lost.
            return current == pointer
        if store.put_new(key, data) if etag is None else store.put_if(key, data, etag):
            return True
        time.sleep(random.uniform(0, 0.1))  # noqa: S311  (spreads load, keeps no secret)
    raise StoreUnavailableError(
        f"{store.url(key)} could not be moved in {_TRIES} tries: other publishers were faster", hint="try again"
    )


def move_tag(store: Store, name: str, version: int) -> bool:
    """Put the tag `training-run=latest` on `version`, take it off the one that had it; tell whether that worked.

    Only people look at the tag, so a store without tags, or keys that may not tag, are no error. It is taken off the
    newest 16 lower versions: the last one has it, and older ones where a publisher was killed between the two. One that
    is killed just there while many others pass it by may leave a second tag behind; the pointer is the authority.
    """
    try:
        if not store.tag(f"{name}/{version}/{MANIFEST}", TAG):
            return False
        for number in range(version - 1, max(version - 17, 0), -1):
            _untag(store, f"{name}/{number}/{MANIFEST}")
        # Whoever moved the pointer on before our tag was there could not take it off.
        pointer = read_pointer(store, name)
        if pointer and pointer.version != version:
            _untag(store, f"{name}/{version}/{MANIFEST}")
    except StepError:
        return False
    return True


def _untag(store: Store, key: str) -> None:
    try:
        tags = store.tags(key)
    except MissingObjectError:
        return
    if not TAG.items() - tags.items():
        store.tag(key, {name: value for name, value in tags.items() if name not in TAG})
