"""Tests the wheel and the extension's zip: their contents agree, and they work where they are installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from blender_cutout import __version__
from blender_cutout.devtools import package
from blender_cutout.environment.venv import REQUIREMENTS

ROOT = Path(__file__).resolve().parents[1]
IMPORT_LIGHT = """
import importlib.util, sys, types

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "cv2", "bpy", "numpy", "av", "safetensors", "tqdm"}:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
for parent in ("bl_ext", "bl_ext.user_default"):
    sys.modules[parent] = types.ModuleType(parent)
name = "bl_ext.user_default.blender_cutout"
folder = sys.argv[1]
spec = importlib.util.spec_from_file_location(name, folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules[name] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
for part in ("client.process", "environment.venv", "client.job_queue", "core.types", "core.errors", "core.messages"):
    importlib.import_module(f"{name}.{part}")
print(module.Stroke([(1, 2)], 3, "keep").radius, [m for m in sys.modules if m in ("core", "models", "blender_cutout")])
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package.build(tmp_path_factory.mktemp("zip"))


def checkout(target: Path) -> Path:
    """A copy of the sources as in a clean clone, plus weights from which a training run continues."""
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("blender_cutout", "core", "models", "docs"):
        shutil.copytree(ROOT / folder, target / folder, ignore=ignored)
    for file in ("pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / file, target / file)
    resume = target / "models" / "training" / "resume"
    resume.mkdir(exist_ok=True)
    (resume / "some-network.safetensors").write_bytes(b"weights of a run that has not ended")
    return target


def settings() -> dict[str, Any]:
    return package.read_toml(ROOT / "pyproject.toml")


def test_the_zip_is_one_package_with_engine_and_weights_but_without_training(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = set(opened.namelist())
    wanted = {
        "__init__.py",
        "blender_manifest.toml",
        "LICENSE",
        "core/types.py",
        "models/registry.py",
        "worker/entry.py",
    }
    assert wanted <= names
    assert {"models/weights/scribble.safetensors", "models/weights/propagation.safetensors"} <= names
    assert not [
        n for n in names if "training" in n or "__pycache__" in n or n.startswith(("tests", "setup")) or "/setup/" in n
    ]
    assert archive.stat().st_size < 45_000_000


def test_the_zip_holds_the_manual_with_pictures_and_no_dead_links(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)
    folder = tmp_path / "manual"
    manual = (folder / "manual.html").read_text(encoding="utf-8")
    assert '<h2 id="which-frame-is-wrong">Which frame is wrong?</h2>' in manual
    assert "<li><b>Stability</b> mixes neighbouring masks against flicker.</li>" in manual
    assert "<code>Ctrl Enter</code>" in manual
    for page in folder.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"\*\*|\]\(", text), page.name
        for target in re.findall(r'(?:src|href)="([^"]+)"', text):
            file, _, section = target.partition("#")
            linked = folder / file if file else page
            assert linked.is_file(), (page.name, target)
            assert not section or f'id="{section}"' in linked.read_text(encoding="utf-8"), (page.name, target)


def test_the_same_sources_give_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    """Neither timestamps nor the weights of an unfinished run make a difference."""
    copy = checkout(tmp_path / "copy")
    os.utime(copy / "core" / "types.py", (1, 1_000_000_000))
    assert package.build(tmp_path, copy).read_bytes() == archive.read_bytes()


def test_without_weights_no_zip_is_built(tmp_path: Path) -> None:
    copy = checkout(tmp_path / "copy")
    for file in (copy / "models" / "weights").glob("*.safetensors"):
        file.unlink()
    with pytest.raises(package.PackageError, match="no weights"):
        package.build(tmp_path / "out", copy)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("tagline", "Ends in a full stop.", "tagline"),
        ("tagline", "x" * 65, "tagline"),
        ("id", "Blender-Cutout", "id"),
        ("version", "9.9.9", "9.9.9"),
        ("license", ["GPL"], "SPDX"),
        ("permissions", {"feelings": "Has them"}, "feelings"),
        ("maintainer", "", "maintainer"),
    ],
)
def test_a_manifest_that_breaks_a_rule_is_named(key: str, value: Any, problem: str) -> None:
    manifest = package.read_toml(ROOT / "blender_cutout" / package.MANIFEST)
    assert package.check_manifest(manifest, __version__) == []
    problems = package.check_manifest(manifest | {key: value}, __version__)
    assert len(problems) == 1
    assert problem in problems[0]


def test_one_version_everywhere() -> None:
    manifest = package.read_toml(ROOT / "blender_cutout" / package.MANIFEST)
    assert settings()["project"]["version"] == manifest["version"] == __version__


def test_the_extension_installs_what_the_worker_group_lists() -> None:
    listed = set(settings()["project"]["optional-dependencies"]["worker"])
    assert {entry for entry in listed if not entry.startswith("torch")} == set(REQUIREMENTS)
    assert len(listed) == len(REQUIREMENTS) + 1


def test_every_package_of_the_tree_is_listed_for_the_wheel() -> None:
    found = {"blender_cutout"}
    for folder in ("blender_cutout", "core", "models"):
        for init in (ROOT / folder).rglob("__init__.py"):
            parts = init.parent.relative_to(ROOT).parts
            if "devtools" in parts:  # install.py's own, which only a checkout has
                continue
            found.add(".".join(parts if folder == "blender_cutout" else ("blender_cutout", *parts)))
    assert sorted(settings()["tool"]["setuptools"]["packages"]) == sorted(found), "each of them once"


def test_the_wheel_holds_one_package_and_its_weights(tmp_path: Path) -> None:
    copy = checkout(tmp_path / "copy")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q"]
    subprocess.run([*command, "-w", str(tmp_path), str(copy)], check=True, timeout=200)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
        (entry,) = (n for n in names if n.endswith("entry_points.txt"))
        assert "cutout = blender_cutout.cli:main" in opened.read(entry).decode()
    assert {n.split("/")[0] for n in names if ".dist-info" not in n} == {"blender_cutout"}
    for wanted in ("core/types.py", "models/training/loop.py", "models/weights/scribble.safetensors", package.MANIFEST):
        assert f"blender_cutout/{wanted}" in names
    assert not [n for n in names if "resume" in n]


def test_the_zip_loads_under_blenders_name_without_any_third_party(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "an extension"
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    command = [sys.executable, "-I", "-S", "-c", IMPORT_LIGHT, str(folder)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert answer.stdout.split() == ["3.0", "[]"], answer.stderr


def test_the_engine_starts_from_the_zip_alone(archive: Path, tmp_path: Path) -> None:
    from blender_cutout.client.process import WorkerClient, worker_command
    from blender_cutout.core.messages import PROTOCOL, Failed, Hello, Ready

    folder = tmp_path / "Erweiterung ä"
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    client = WorkerClient(worker_command(sys.executable, folder / "worker" / "entry.py"), tmp_path / "engine.log")
    client.start(Hello(PROTOCOL, "auto", "cpu"))
    try:
        deadline = time.monotonic() + 120
        events = []
        while not any(isinstance(e, (Ready, Failed)) for e in events):
            assert time.monotonic() < deadline, client.log_tail()
            events += client.poll()
            time.sleep(0.01)
    finally:
        client.close()
    ready = next(e for e in events if isinstance(e, (Ready, Failed)))
    assert isinstance(ready, Ready), ready
    assert ready.version == __version__


@pytest.mark.bpy
def test_blenders_own_checker_accepts_the_zip(archive: Path) -> None:
    import bpy

    scripts = Path(bpy.utils.resource_path("LOCAL")) / "scripts"
    checker = scripts / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
    answer = subprocess.run([sys.executable, str(checker), "validate", str(archive)], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
