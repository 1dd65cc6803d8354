"""Tests the engine that needs no set-up: Blender's Python with the libraries that the extension brought."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from blender_cutout.client.process import ENTRY, worker_command
from blender_cutout.core.errors import EnvironmentMissing
from blender_cutout.environment import engine_place, venv
from blender_cutout.environment.installer import SetupProgress
from blender_cutout.ui.setup_view import Situation, view
from blender_cutout.version import __version__

START = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("entry", sys.argv[1])
entry = importlib.util.module_from_spec(spec)
spec.loader.exec_module(entry)
entry.use_libraries(sys.argv[2])
entry.register_package()
engine = entry.load_engine("sketch", "cpu")
import numpy as np
picture = np.full((90, 120, 3), 60, np.uint8)
picture[30:60, 40:80] = (210, 120, 40)
matte = engine.foreground(picture)
print(matte.shape, bool(matte[35:55, 45:75].mean() > 0.5), "torch" in sys.modules)
"""


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CUTOUT_HOME", str(tmp_path / "empty"))
    monkeypatch.delenv("CUTOUT_PYTHON", raising=False)


def unpacked(folder: Path, *names: str) -> Path:
    """A folder with packages of these names."""
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise SystemExit('imported in the wrong process')")
    return folder


def test_without_a_set_up_the_extensions_libraries_serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = unpacked(tmp_path / "site-packages ü", *engine_place.LIBRARIES)
    monkeypatch.syspath_prepend(str(folder))
    for name in engine_place.LIBRARIES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    found = engine_place.find_engine()
    assert found.libraries == folder
    assert found.python.is_file()
    command = worker_command(found.python, libraries=found.libraries)
    assert command[0] == str(found.python)
    assert command[-2:] == ["--libraries", str(folder)]


def test_a_half_unpacked_extension_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(unpacked(tmp_path / "site-packages", *engine_place.LIBRARIES[:-1])))
    for name in engine_place.LIBRARIES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(EnvironmentMissing, match="not installed"):
        engine_place.find_engine()


@pytest.mark.parametrize("lacking", engine_place.LIBRARIES)
def test_a_library_that_blender_did_not_unpack_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    there = [name for name in engine_place.LIBRARIES if name != lacking]
    folder = unpacked(tmp_path / "site-packages", *there)
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "any.whl").touch()
    monkeypatch.setattr(engine_place, "_WHEELS", tmp_path / "wheels")
    monkeypatch.setattr(sys, "path", [str(folder)])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    for name in engine_place.LIBRARIES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(EnvironmentMissing, match=rf"not complete \({lacking} is missing\)"):
        engine_place.find_engine()


def test_a_python_that_is_set_but_gone_is_named_whatever_the_extension_brought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(unpacked(tmp_path / "site-packages", *engine_place.LIBRARIES)))
    with pytest.raises(EnvironmentMissing, match="does not exist"):
        engine_place.find_engine(str(tmp_path / "gone" / "python"))


def test_a_python_that_is_set_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(unpacked(tmp_path / "site-packages", *engine_place.LIBRARIES)))
    assert engine_place.find_engine(sys.executable) == (Path(sys.executable), None, "")


def set_up(home: Path, version: str, *requirements: str) -> Path:
    """An environment as a version of the add-on left it; returns its Python."""
    python = venv.python_of(home / "engine")
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    record = {"stamp": "", "version": version, "requirements": requirements}
    (home / "engine" / venv.MARKER).write_text(json.dumps(record))
    return python


def test_a_gpu_engine_of_another_version_that_has_everything_serves_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(unpacked(tmp_path / "site-packages", *engine_place.LIBRARIES)))
    python = set_up(tmp_path / "empty", "0.0.7", *venv.REQUIREMENTS, "one-more>=3")
    found = engine_place.find_engine()
    assert (found.python, found.libraries) == (python, None)
    assert "set up by version 0.0.7 of the add-on" in found.note


def test_a_gpu_engine_of_this_version_needs_no_words(tmp_path: Path) -> None:
    python = set_up(tmp_path / "empty", __version__, *venv.REQUIREMENTS)
    assert engine_place.find_engine() == (python, None, "")


def test_a_gpu_engine_that_lacks_a_library_gives_way_to_the_engine_that_came_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(tmp_path / "empty", "0.0.7", *(one for one in venv.REQUIREMENTS if not one.startswith("av")))
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    for name in engine_place.LIBRARIES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(EnvironmentMissing, match="another version of the add-on and lacks av") as raised:
        engine_place.find_engine()
    assert "Set Up Engine" in raised.value.hint
    folder = unpacked(tmp_path / "site-packages", *engine_place.LIBRARIES)
    monkeypatch.setattr(sys, "path", [str(folder)])
    found = engine_place.find_engine()
    assert found.libraries == folder
    assert "lacks av" in found.note
    assert "Set Up GPU Engine" in found.note
    now = Situation(str(found.python), own=True, note=found.note)
    assert found.note in [line.text for line in view(SetupProgress(), now).lines], "the preferences say so"


def test_a_bare_python_runs_the_engine_with_the_folder_of_libraries(tmp_path: Path) -> None:
    """As Blender's Python does; NumPy, which Blender brings, lies in the folder too."""
    folder = tmp_path / "libraries"
    folder.mkdir()
    for name in (*engine_place.LIBRARIES, "numpy"):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        package = Path(spec.origin).parent
        (folder / name).symlink_to(package)
        for shared in package.parent.glob("*.libs"):
            if not (folder / shared.name).exists():
                (folder / shared.name).symlink_to(shared)
    command = [sys._base_executable, "-I", "-S", "-c", START, str(ENTRY), str(folder)]  # type: ignore[attr-defined]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.stdout.strip() == "(90, 120) True False", done.stderr
