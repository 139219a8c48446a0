import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workflows.local.errors import LocalError
from workflows.local.objects import Objects

NAMES = st.text(alphabet="abcé .-_", min_size=1, max_size=8).filter(lambda name: name.strip(".") != "")
TREES = st.recursive(st.binary(max_size=20), lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=8)


def plant(path: Path, content: object) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
        return
    assert isinstance(content, dict)
    path.mkdir()
    for name, inner in content.items():
        plant(path / name, inner)


def harvest(path: Path) -> object:
    return path.read_bytes() if path.is_file() else {inner.name: harvest(inner) for inner in path.iterdir()}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=TREES)
def test_content_comes_back_when_linked(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    folder = tmp_path_factory.mktemp("objects")
    plant(folder / "a", content)
    objects = Objects(folder / "store")
    digest, tree = objects.take(folder / "a")
    objects.link(digest, folder / "b", tree=tree)
    assert harvest(folder / "b") == content
    assert objects.has(digest, tree=tree)
    assert Objects(folder / "store").take(folder / "b") == (digest, tree)


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "store")


def test_content_is_kept_once_when_equal(objects: Objects, tmp_path: Path) -> None:
    plant(tmp_path / "a", {"x": b"same", "y": b"same"})
    objects.take(tmp_path / "a")
    assert (tmp_path / "a" / "x").samefile(tmp_path / "a" / "y")
    assert (tmp_path / "a" / "x").stat().st_nlink == 3


def test_files_are_links_and_read_only_when_taken(objects: Objects, tmp_path: Path) -> None:
    plant(tmp_path / "a", b"text")
    digest, _ = objects.take(tmp_path / "a")
    objects.link(digest, tmp_path / "b", tree=False)
    assert (tmp_path / "a").samefile(tmp_path / "b")
    assert not (tmp_path / "b").stat().st_mode & 0o222


def test_file_is_not_read_again_when_it_came_from_the_store(objects: Objects, tmp_path: Path) -> None:
    plant(tmp_path / "a", {"x": b"text"})
    digest, _ = objects.take(tmp_path / "a")
    objects.link(digest, tmp_path / "b", tree=True)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "x").hardlink_to(tmp_path / "b" / "x")
    opened: list[str] = []
    original = Path.open

    def watch(self: Path, *args: object, **options: object) -> object:
        opened.append(self.name)
        return original(self, *args, **options)  # type: ignore[call-overload]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", watch)
        assert objects.take(tmp_path / "c") == (digest, True)
    assert "x" not in opened


def test_change_in_place_is_refused_when_content_is_shared(objects: Objects, tmp_path: Path) -> None:
    plant(tmp_path / "a", b"text")
    digest, _ = objects.take(tmp_path / "a")
    (tmp_path / "a").chmod(0o644)
    (tmp_path / "a").write_bytes(b"other")
    os.utime(tmp_path / "a", ns=(1, 1))
    with pytest.raises(LocalError, match="changed in place"):
        objects.take(tmp_path / "a")
    assert not objects.has(digest, tree=False)


def test_persons_file_stays_as_it_was_when_a_step_linked_it(objects: Objects, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_bytes(b"photo")
    mine.chmod(0o640)
    (tmp_path / "out").hardlink_to(mine)
    objects.take(tmp_path / "out")
    assert mine.stat().st_nlink == 1
    assert mine.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("target", ["/etc/hostname", "../outside", "../../x"])
def test_link_is_refused_when_it_leads_out(objects: Objects, tmp_path: Path, target: str) -> None:
    plant(tmp_path / "a", {"x": b"1"})
    (tmp_path / "outside").write_bytes(b"secret")
    (tmp_path / "a" / "link").symlink_to(target)
    with pytest.raises(LocalError, match="leads out"):
        objects.take(tmp_path / "a")
    (tmp_path / "alone").symlink_to(tmp_path / "outside")
    with pytest.raises(LocalError, match="link"):
        objects.take(tmp_path / "alone")


def test_link_is_kept_when_it_stays_inside(objects: Objects, tmp_path: Path) -> None:
    plant(tmp_path / "a", {"x": b"1"})
    (tmp_path / "a" / "link").symlink_to("x")
    digest, tree = objects.take(tmp_path / "a")
    objects.link(digest, tmp_path / "b", tree=tree)
    assert (tmp_path / "b" / "link").readlink() == Path("x")


def test_content_is_missed_when_an_object_is_gone(objects: Objects, tmp_path: Path) -> None:
    plant(tmp_path / "a", {"x": b"1", "y": b"2"})
    digest, tree = objects.take(tmp_path / "a")
    inner = objects.listing(digest)["files"]["x"]
    (tmp_path / "store" / inner[:2] / inner[2:]).unlink()
    assert not objects.has(digest, tree=tree)


def test_files_are_copied_with_a_note_when_they_cannot_be_linked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Path("/dev/shm")  # another file system on Linux
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("one file system only")
    store = other / f"argosight-{os.getpid()}-{tmp_path.name}"
    try:
        objects = Objects(store)
        plant(tmp_path / "a", {"x": b"1", "y": b"2"})
        digest, tree = objects.take(tmp_path / "a")
        objects.link(digest, tmp_path / "b", tree=tree)
        assert harvest(tmp_path / "b") == {"x": b"1", "y": b"2"}
        assert capsys.readouterr().err.count("files are copied") == 1
    finally:
        for path in sorted(store.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        store.rmdir()
