from pathlib import Path

import pytest

from steps.toolchain import available_memory, keep_freed_memory, shared_memory


def test_memory_is_what_the_container_has_left_when_it_is_limited(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 2000 kB\nMemAvailable:    1000 kB\n")
    assert available_memory(tmp_path, tmp_path / "meminfo") == 1000 * 1024
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("2000\n")
    assert available_memory(tmp_path, tmp_path / "meminfo") == 3000
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory(tmp_path, tmp_path / "meminfo") == 1000 * 1024


def test_memory_is_told_when_the_system_does_not_tell_what_is_free(tmp_path: Path) -> None:
    assert available_memory(tmp_path, tmp_path / "missing") > 0


def test_shared_memory_is_what_processes_can_pass_arrays_through(tmp_path: Path) -> None:
    assert shared_memory() > 0
    assert shared_memory(tmp_path / "missing") == pytest.approx(available_memory(), rel=0.5)


def test_memory_can_still_be_taken_when_freed_memory_is_kept() -> None:
    keep_freed_memory()
    assert len(bytearray(1 << 26)) == 1 << 26
