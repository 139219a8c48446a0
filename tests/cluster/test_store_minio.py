"""The promises of store, sources and registry, on the real MinIO.

It is started from `$MINIO_BINARY` or the PATH; without either, the store that the AWS variables name is used.
"""

from pathlib import Path

import pytest

from steps.errors import InputError
from steps.store import open_store
from tests.factories_store import make_place
from tests.unit.test_registry_versions import TestVersions, registry
from tests.unit.test_store_objects import TestObjects, store
from tests.unit.test_store_source import TestFetchedObjects, into

__all__ = ["TestFetchedObjects", "TestObjects", "TestVersions", "into", "registry", "store"]

pytestmark = [pytest.mark.slow, pytest.mark.cluster]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    return make_place("minio", tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("name", "told"), [("AWS_SECRET_ACCESS_KEY", "SignatureDoesNotMatch"), ("AWS_ACCESS_KEY_ID", "InvalidAccessKeyId")]
)
def test_the_keys_are_named_when_the_store_does_not_take_them(
    name: str, told: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "wrong-hunter2")
    for use in (lambda: open_store(place).get("x"), lambda: open_store(place).put_new("x", b"")):
        with pytest.raises(InputError, match=f"(?s){told}.*{name}") as caught:
            use()
        assert "hunter2" not in str(caught.value)
