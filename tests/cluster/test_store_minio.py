"""The promises of store, sources and registry, on the real MinIO.

It is started from `$MINIO_BINARY` or the PATH; without either, the store that the AWS variables name is used.
"""

from pathlib import Path

import pytest

from tests.factories_store import make_place
from tests.unit.test_registry_versions import TestVersions, registry
from tests.unit.test_store_objects import TestObjects, store
from tests.unit.test_store_source import TestFetchedObjects, into

__all__ = ["TestFetchedObjects", "TestObjects", "TestVersions", "into", "registry", "store"]

pytestmark = [pytest.mark.slow, pytest.mark.cluster]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    return make_place("minio", tmp_path, monkeypatch)
