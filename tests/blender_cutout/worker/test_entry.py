"""Tests that the process's first file works wherever the package is, and ignores neighbouring files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from blender_cutout.client.process import worker_command
from blender_cutout.core import messages as m

ROOT = Path(__file__).resolve().parents[3]


def checkout(place: Path) -> Path:
    """A source checkout: core and models next to the package."""
    for name in ("blender_cutout", "core", "models"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    return place / "blender_cutout"


def extension(place: Path) -> Path:
    """An installed extension: core and models inside the package, under a name of Blender's choice."""
    package = checkout(place)
    for name in ("core", "models"):
        (place / name).rename(package / name)
    return package.rename(place / "blender_cutout_1_0")


def add_neighbours(package: Path) -> None:
    """Modules that must not be imported: with our names and the standard library's, wherever Python may search."""
    for folder in (package.parent, package / "worker"):
        for name in ("json", "core", "models", "blender_cutout", "numpy"):
            (folder / f"{name}.py").write_text("raise SystemExit('imported a neighbour')")


def events(command: list[str], cwd: Path, *requests: m.Request) -> list[m.Message]:
    lines = b"".join(m.encode(r) for r in requests)
    run = subprocess.run(command, input=lines, capture_output=True, cwd=cwd, timeout=120, check=False)
    assert run.returncode == 0, run.stderr.decode()
    return [m.decode(line) for line in run.stdout.splitlines()]


@pytest.mark.parametrize("layout", [checkout, extension])
def test_the_package_is_found_in_every_layout_and_no_neighbour_is(layout, tmp_path: Path) -> None:
    place = tmp_path / "Erweiterungen ü 中" / "user default"
    place.mkdir(parents=True)
    package = layout(place)
    if layout is extension:
        add_neighbours(package)
    script = Path(__file__).with_name("fake_entry.py")
    command = [*worker_command(sys.executable, script), "--entry", str(package / "worker" / "entry.py")]
    _, chosen = events(command, place, m.Hello(m.PROTOCOL, "auto", "cpu"))
    assert isinstance(chosen, m.Ready)
    assert Path(chosen.tier).is_relative_to(place)


def test_the_real_entry_greets_and_ends(tmp_path: Path) -> None:
    command = worker_command(sys.executable)
    answers = events(command, tmp_path, m.Hello(m.PROTOCOL, "auto", "cpu"), m.Ping())
    assert m.Pong() in answers
    assert any(isinstance(e, m.Ready) for e in answers)


def test_the_log_can_be_a_file_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "Protokoll ü.txt"
    command = [*worker_command(sys.executable), "--log", str(log)]
    (answer,) = events(command, tmp_path, m.Undo("j", "t"))
    assert isinstance(answer, m.Failed)
    assert "ProtocolError" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize("code_page", ["C", "de_DE.ISO-8859-1"])
def test_the_command_gives_the_engine_utf8_and_nothing_of_the_callers_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code_page: str
) -> None:
    """Without UTF-8 mode, Windows reads and writes files in its legacy code page."""
    monkeypatch.setenv("LC_ALL", code_page)
    monkeypatch.setenv("PYTHONUTF8", "0")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("CUTOUT_PYTHON", sys.executable)
    script = tmp_path / "entry.py"
    said = "sys.flags.utf8_mode, sys.flags.isolated, sys.stdout.write_through, sys.path.count(sys.argv[1])"
    script.write_text(f"import sys; print({said})")
    answer = subprocess.check_output([*worker_command(sys.executable, script), str(tmp_path)], text=True)
    assert answer.split() == ["1", "1", "True", "0"]


def test_the_entry_is_spelled_once_in_the_product() -> None:
    spelled = [p.name for p in (ROOT / "blender_cutout").rglob("*.py") if '"entry.py"' in p.read_text(encoding="utf-8")]
    assert spelled == ["process.py"]


def test_no_switch_of_the_product_leads_to_the_fakes() -> None:
    for path in (ROOT / "blender_cutout").rglob("*.py"):
        assert "fakes" not in path.read_text(encoding="utf-8"), path


MEMORY = """
import runpy, sys, threading
from pathlib import Path
entry = runpy.run_path(sys.argv[1])
entry["return_freed_memory"]()
def used():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS:"))
kept = []
def work():
    for megabytes in (5, 6, 7, 6, 5):
        pictures = [b"x" * (megabytes << 20) for _ in range(4)]
        kept.append(b"y" * 5000)
before = used()
for _ in range(3):
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads: thread.start()
    work()
    for thread in threads: thread.join()
print(used() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_pictures_of_any_thread_leave_the_process_when_they_are_freed() -> None:
    script = ROOT / "blender_cutout" / "worker" / "entry.py"
    run = subprocess.run([sys.executable, "-I", "-c", MEMORY, script], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 4, "megabytes"
