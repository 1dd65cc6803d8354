"""Tests that a processor without AVX2 is recognised before anything is loaded or downloaded."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from blender_cutout.core.errors import EnvironmentMissing
from blender_cutout.environment import engine_place, processor_check

OLD = "processor\t: 0\nflags\t\t: fpu vme sse4_2 popcnt avx\n\nprocessor\t: 1\nflags\t\t: fpu avx2\n"
NEW = "processor\t: 0\nflags\t\t: fpu vme sse4_2 popcnt avx avx2 bmi2\n"


@pytest.mark.parametrize(("text", "has"), [(OLD, False), (NEW, True), ("processor\t: 0\n", None)])
def test_linux_lists_what_the_processor_can_do(tmp_path: Path, text: str, has: bool | None) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert processor_check.has_avx2("linux", "x86_64", tmp_path / "cpuinfo") is has


@pytest.mark.parametrize(("system", "processor"), [("linux", "aarch64"), ("darwin", "arm64"), ("freebsd14", "amd64")])
def test_a_processor_of_another_kind_or_an_unknown_system_is_not_refused(
    tmp_path: Path, system: str, processor: str
) -> None:
    (tmp_path / "cpuinfo").write_text(OLD)
    assert processor_check.has_avx2(system, processor, tmp_path / "cpuinfo") is None
    assert processor_check.has_avx2("linux", "x86_64", tmp_path / "missing") is None


def test_an_old_processor_gets_one_message_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUTOUT_HOME", str(tmp_path / "empty"))
    monkeypatch.delenv("CUTOUT_PYTHON", raising=False)
    (tmp_path / "cpuinfo").write_text(OLD)
    monkeypatch.setattr(processor_check, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    with pytest.raises(EnvironmentMissing, match="lacks instructions") as raised:
        engine_place.find_engine()
    assert "AVX2" in raised.value.hint
    assert "existing Python" in raised.value.hint
    assert engine_place.find_engine(sys.executable).python == Path(sys.executable), "the way out that the hint names"
