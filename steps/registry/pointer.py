"""The pointer `NAME/latest.json`, and the tag that shows it to people."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import ValidationError

from steps.errors import RegistryError, StepError, StoreUnavailableError
from steps.registry.manifest import MANIFEST, POINTER, Pointer, Rollback
from steps.store import MissingObjectError, Store

TAG = {"training-run": "latest"}
_TRIES = 50
_KEPT_ROLLBACKS = 20


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
    """Let `latest` name `pointer`, unless it ever named that version or a higher one; tell whether it names it.

    The write is conditional on what was read, and repeated when somebody else was faster: of several publishers the
    highest number wins, in whatever order they arrive. What was rolled back is not undone by one that comes late.

    Raises:
        StoreUnavailableError: If it did not succeed in 50 tries.
    """

    def successor(current: Pointer | None) -> Pointer | None:
        if not current:
            return pointer
        return (
            pointer.model_copy(update={"rollbacks": current.rollbacks}) if pointer.version > current.ceiling else None
        )

    found = _move(store, name, successor)
    # Also where an earlier try had moved it, and its answer got lost.
    return (found.version, found.sha256) == (pointer.version, pointer.sha256)


def roll_back(store: Store, name: str, pointer: Pointer, reason: str) -> Pointer:
    """Let `latest` name `pointer`, whatever it named, and keep in it that this was done. Return what it is now.

    Nothing changes where it names that version already.

    Raises:
        StoreUnavailableError: If it did not succeed in 50 tries.
    """

    def successor(current: Pointer | None) -> Pointer | None:
        if not current:
            return pointer
        if current.version == pointer.version:
            return None
        moved = datetime.now(UTC).isoformat(timespec="seconds")
        rollback = Rollback(left=current.version, version=pointer.version, reason=reason, moved=moved)
        highest = current.ceiling if current.ceiling > pointer.version else None
        rollbacks = (rollback, *current.rollbacks)[:_KEPT_ROLLBACKS]
        return pointer.model_copy(update={"highest": highest, "rollbacks": rollbacks})

    return _move(store, name, successor)


def _move(store: Store, name: str, successor: Callable[[Pointer | None], Pointer | None]) -> Pointer:
    """Replace the pointer by its `successor`, None to leave it; return what it is then."""
    key = f"{name}/{POINTER}"
    for _ in range(_TRIES):
        # The etag first: if the content changes in between, it is the etag that is too old, and the write is refused.
        etag = store.etag(key) if store.exists(key) else None
        current = read_pointer(store, name)
        wanted = successor(current)
        if not wanted:
            assert current, "only what is there is left as it is"  # noqa: S101
            return current
        data = wanted.to_bytes()
        if store.put_new(key, data) if etag is None else store.put_if(key, data, etag):
            return wanted
        time.sleep(random.uniform(0, 0.1))  # noqa: S311  (spreads load, keeps no secret)
    raise StoreUnavailableError(
        f"{store.url(key)} could not be moved in {_TRIES} tries: others were faster", hint="try again"
    )


def move_tag(store: Store, name: str, version: int, *, left: int | None = None) -> bool:
    """Put the tag `training-run=latest` on `version`, take it off the one that had it; tell whether that worked.

    Only people look at the tag, so a store without tags, or keys that may not tag, are no error. It is taken off the
    version that was `left`, and the newest 16 lower ones: older ones have it where a publisher was killed between the
    two. One that is killed just there while many others pass it by may leave a second tag behind; the pointer is the
    authority.
    """
    try:
        if not store.tag(f"{name}/{version}/{MANIFEST}", TAG):
            return False
        lower = range(version - 1, max(version - 17, 0), -1)
        for number in {*lower, left or version} - {version}:
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
