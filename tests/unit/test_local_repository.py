import tarfile
from pathlib import Path
from typing import Any

import pytest

from workflows.local.errors import LocalError
from workflows.local.repository import Repository
from workflows.local.values import Artifact


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "home")


def artifact(**fields: Any) -> Artifact:
    return Artifact.model_validate({"name": "a", **fields})


def test_artifact_is_seen_at_its_key_when_stored(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello")
    stored = repository.store(
        tmp_path / "file", artifact(s3={"key": "runs/r/report.txt"}, archive={"none": {}}), "", move=False
    )
    assert stored.path == str(tmp_path / "home" / "runs" / "r" / "report.txt")
    assert Path(stored.path).read_text() == "hello"
    assert stored.digest


def test_packed_artifact_is_a_folder_to_look_into_when_stored(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_text("1")
    one = artifact(s3={"key": "runs/r/data.tgz"})
    stored = repository.store(tmp_path / "data", one, "", move=False)
    assert stored.path
    assert stored.path.endswith("/runs/r/data")
    repository.fetch(one, tmp_path / "back")
    assert (tmp_path / "back" / "x").read_text() == "1"


def test_artifact_is_replaced_when_stored_again(repository: Repository, tmp_path: Path) -> None:
    for text in ("one", "two"):
        folder = tmp_path / text
        folder.mkdir()
        (folder / text).write_text(text)
        stored = repository.store(folder, artifact(s3={"key": "runs/r/x/"}), "", move=False)
    assert [path.name for path in Path(stored.path or "").iterdir()] == ["two"]


def test_prefix_collects_when_several_keys_are_below(repository: Repository, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
        repository.store(
            tmp_path / name, artifact(s3={"key": f"runs/r/all/{name}.json"}, archive={"none": {}}), "", move=False
        )
    repository.fetch(artifact(s3={"key": "runs/r/all/"}), tmp_path / "got")
    assert sorted(path.name for path in (tmp_path / "got").iterdir()) == ["a.json", "b.json"]


@pytest.mark.parametrize("key", ["runs/r/none", "elsewhere/x"])
def test_fetching_fails_when_nothing_is_at_the_key(repository: Repository, tmp_path: Path, key: str) -> None:
    with pytest.raises(FileNotFoundError, match=key):
        repository.fetch(artifact(s3={"key": key}), tmp_path / "got")


def test_tarball_is_unpacked_when_fetched_by_key_unless_it_is_not_to_be(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("1")
    with tarfile.open(tmp_path / "x.tgz", "w:gz") as archive:
        archive.add(tmp_path / "x", "x")
    repository.store(tmp_path / "x.tgz", artifact(s3={"key": "runs/r/x.tgz"}, archive={"none": {}}), "", move=False)
    repository.fetch(artifact(s3={"key": "runs/r/x.tgz"}), tmp_path / "open")
    repository.fetch(artifact(s3={"key": "runs/r/x.tgz"}, archive={"none": {}}), tmp_path / "closed")
    assert (tmp_path / "open" / "x").read_text() == "1"
    assert (tmp_path / "closed").is_file()


def test_raw_artifact_is_written_when_fetched(repository: Repository, tmp_path: Path) -> None:
    repository.fetch(artifact(raw={"data": "héllo"}), tmp_path / "deep" / "got")
    assert (tmp_path / "deep" / "got").read_text() == "héllo"


@pytest.mark.parametrize(
    "key",
    [
        "../x",
        "/etc/passwd",
        "runs/../x",
        "",
        "runs",
        "runs/r",
        "runs/r/run.json",
        "runs/r/nodes/a",
        "runs/r/manifest.yaml",
    ],
)
def test_key_is_refused_when_it_leads_out_or_into_the_engines_own(repository: Repository, key: str) -> None:
    with pytest.raises(LocalError, match="artifact key"):
        repository.place(key)


def test_nothing_is_left_behind_when_moved(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_text("1")
    stored = repository.store(tmp_path / "data", artifact(), "runs/r/artifacts/n/a", move=True)
    assert not (tmp_path / "data").exists()
    assert (Path(stored.path or "") / "x").read_text() == "1"
    repository.fetch(stored, tmp_path / "again")
    assert (tmp_path / "again" / "x").samefile(Path(stored.path or "") / "x")
